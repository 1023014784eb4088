// SPDX-License-Identifier: LGPL-2.1-or-later
//! Several monitors: all that are connected are shown, side by side. The
//! driver lists the others and leaves them dark, and there is no udev that
//! would tell when one comes or changes.

use super::screen::{self, Grid};
use nix::poll::PollTimeout;
use std::collections::HashMap;
use std::time::{Duration, Instant};
use terrarium_protocol::display::ScreenSize;
use x11rb::connection::Connection;
use x11rb::errors::ReplyError;
use x11rb::protocol::randr::{self, Connection as Plug, ConnectionExt as _, Rotation};
use x11rb::protocol::xproto::{ConnectionExt as _, Window};

/// Between two looks, in milliseconds.
const LOOK: u16 = 1000;

/// What is known of the monitors.
pub struct Heads {
    /// The size that each asked for last.
    asked: HashMap<randr::Output, ScreenSize>,
    looked: Instant,
    grid: Grid,
}

/// A monitor and what it is to show.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Head {
    output: randr::Output,
    crtc: randr::Crtc,
    mode: randr::Mode,
    left: u32,
    size: ScreenSize,
}

impl Heads {
    /// `None` if there can be one only.
    pub fn new(monitors: u32, grid: Grid) -> Option<Self> {
        (monitors > 1).then(|| Self { asked: HashMap::new(), looked: Instant::now(), grid })
    }

    /// How long to wait for anything else.
    pub fn patience(&self, otherwise: PollTimeout) -> PollTimeout {
        if otherwise == PollTimeout::NONE {
            PollTimeout::from(LOOK)
        } else {
            otherwise
        }
    }

    /// Whether it is time to look; if so, it was.
    pub fn is_due(&mut self) -> bool {
        let due = self.looked.elapsed() >= Duration::from_millis(LOOK.into());
        if due {
            self.looked = Instant::now();
        }
        due
    }

    /// Shows what is connected. The first monitor gets the size `first`, if
    /// one is given and others are there too; the others get what they ask
    /// for, whenever they ask for another size than before. Returns the first
    /// one's size if there are several.
    pub fn arrange<C: Connection>(
        &mut self,
        x: &C,
        root: Window,
        first: Option<ScreenSize>,
    ) -> Result<Option<ScreenSize>, ReplyError> {
        // This and not the "current" ones: the driver has to look again.
        let resources = x.randr_get_screen_resources(root)?.reply()?;
        let mut heads = self.heads(x, root, &resources)?;
        if let ([head, _, ..], Some(size)) = (heads.as_mut_slice(), first) {
            head.mode = screen::own_mode(x, root, head.output, (&resources.modes, &resources.names), size)?;
            head.size = size;
            place(&mut heads);
        }
        if heads.is_empty() {
            return Ok(None);
        }
        if shown(x, &resources)? != heads {
            show(x, root, &resources, &heads, self.grid)?;
        }
        Ok(heads.first().filter(|_| heads.len() > 1).map(|head| head.size))
    }

    /// All that are connected and have a place on the whole.
    fn heads<C: Connection>(
        &mut self,
        x: &C,
        root: Window,
        resources: &randr::GetScreenResourcesReply,
    ) -> Result<Vec<Head>, ReplyError> {
        let most = u32::from(x.randr_get_screen_size_range(root)?.reply()?.max_width);
        let mut heads: Vec<Head> = Vec::new();
        for &output in &resources.outputs {
            let info = x.randr_get_output_info(output, resources.config_timestamp)?.reply()?;
            let is_free = |crtc: &randr::Crtc| *crtc != 0 && heads.iter().all(|head| head.crtc != *crtc);
            let crtc = std::iter::once(info.crtc).chain(info.crtcs.iter().copied()).find(is_free);
            let wish = info.modes.first().and_then(|&mode| Some((mode, size(resources, mode)?)));
            let (Some(crtc), Some((mode, wish)), Plug::CONNECTED) = (crtc, wish, info.connection) else {
                self.asked.remove(&output);
                continue;
            };
            let same = self.asked.insert(output, wish).is_none_or(|before| before == wish);
            let mut head = Head { output, crtc, mode, left: 0, size: wish };
            // A size that it was given by others than itself stays.
            let now = x.randr_get_crtc_info(crtc, resources.config_timestamp)?.reply()?.mode;
            if let Some(size) = size(resources, now).filter(|_| same && info.crtc != 0) {
                (head.mode, head.size) = (now, size);
            }
            heads.push(head);
            if place(&mut heads) > most {
                heads.pop();
            }
        }
        Ok(heads)
    }
}

/// Puts each to the right of those before. Returns the width of all.
fn place(heads: &mut [Head]) -> u32 {
    heads.iter_mut().fold(0, |left, head| {
        head.left = left;
        left + head.size.width
    })
}

fn size(resources: &randr::GetScreenResourcesReply, mode: randr::Mode) -> Option<ScreenSize> {
    let mode = resources.modes.iter().find(|one| one.id == mode)?;
    Some(ScreenSize { width: mode.width.into(), height: mode.height.into() })
}

/// What is shown now, in the same order.
fn shown<C: Connection>(x: &C, resources: &randr::GetScreenResourcesReply) -> Result<Vec<Head>, ReplyError> {
    let mut heads = Vec::new();
    for &crtc in &resources.crtcs {
        let info = x.randr_get_crtc_info(crtc, resources.config_timestamp)?.reply()?;
        if let (Some(&output), Some(size)) = (info.outputs.first(), size(resources, info.mode)) {
            heads.push(Head { output, crtc, mode: info.mode, left: info.x.max(0) as u32, size });
        }
    }
    heads.sort_by_key(|head| head.left);
    Ok(heads)
}

fn show<C: Connection>(
    x: &C,
    root: Window,
    resources: &randr::GetScreenResourcesReply,
    heads: &[Head],
    grid: Grid,
) -> Result<(), ReplyError> {
    let width = heads.iter().map(|head| head.left + head.size.width).max().unwrap_or(0);
    let height = heads.iter().map(|head| head.size.height).max().unwrap_or(0);
    // Nobody sees what lies between.
    x.grab_server()?;
    let done = set(x, root, resources, heads, (ScreenSize { width, height }, grid));
    x.ungrab_server()?;
    x.flush()?;
    done
}

fn set<C: Connection>(
    x: &C,
    root: Window,
    resources: &randr::GetScreenResourcesReply,
    heads: &[Head],
    (whole, grid): (ScreenSize, Grid),
) -> Result<(), ReplyError> {
    for &crtc in &resources.crtcs {
        x.randr_set_crtc_config(crtc, 0, 0, 0, 0, 0, Rotation::ROTATE0, &[])?.reply()?;
    }
    screen::set_whole(x, root, whole, grid)?;
    for head in heads {
        let outputs = [head.output];
        let left = head.left as i16;
        x.randr_set_crtc_config(head.crtc, 0, 0, left, 0, head.mode, Rotation::ROTATE0, &outputs)?.reply()?;
    }
    Ok(())
}
