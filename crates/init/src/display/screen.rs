// SPDX-License-Identifier: LGPL-2.1-or-later
//! The size of the screen, over RandR.

use terrarium_protocol::display::ScreenSize;
use x11rb::connection::Connection;
use x11rb::errors::{ReplyError, ReplyOrIdError};
use x11rb::protocol::randr::{self, ConnectionExt as _, ModeInfo, Rotation, SetConfig};
use x11rb::protocol::xproto::{ConnectionExt as _, CreateWindowAux, Window, WindowClass};
use x11rb::COPY_DEPTH_FROM_PARENT;

/// Pictures a second of our modes; nothing depends on it.
const RATE: u32 = 60;
/// What the names of our modes begin with.
const PREFIX: &str = "terrarium-";
/// Beside and below the picture, as a monitor would have it.
const BLANK: (u16, u16) = (160, 40);

/// What sizes are made of.
#[derive(Clone, Copy)]
pub struct Grid {
    /// A container's width is rounded down to a multiple of this, which its
    /// driver wants.
    pub step: u32,
    /// Pixels for each of the desktop's.
    pub scale: u32,
}

/// Gives the first screen of `root` a size. Returns what it got.
pub fn resize<C: Connection>(
    x: &C,
    root: Window,
    wanted: ScreenSize,
    grid: Grid,
) -> Result<ScreenSize, ReplyError> {
    let wanted = wanted.bounded();
    let size = ScreenSize { width: wanted.width / grid.step * grid.step, height: wanted.height };
    let resources = x.randr_get_screen_resources_current(root)?.reply()?;
    let Some(&output) = resources.outputs.first() else { return Ok(size) };
    let info = x.randr_get_output_info(output, resources.config_timestamp)?.reply()?;
    let Some(&crtc) = Some(&info.crtc).filter(|&&crtc| crtc != 0).or(info.crtcs.first()) else {
        return Ok(size);
    };
    let (width, height) = (size.width as u16, size.height as u16);
    if info.crtc != 0 && current(x, root)? == size {
        let shown = x.randr_get_crtc_info(crtc, resources.config_timestamp)?.reply()?;
        if (shown.width, shown.height) == (width, height) {
            return Ok(size);
        }
    }
    let mode = own_mode(x, root, output, (&resources.modes, &resources.names), size)?;
    // Nobody sees what lies between.
    x.grab_server()?;
    let off = x.randr_set_crtc_config(crtc, 0, 0, 0, 0, 0, Rotation::ROTATE0, &[])?.reply();
    let sized = set_whole(x, root, size, grid);
    let on = x.randr_set_crtc_config(crtc, 0, 0, 0, 0, mode, Rotation::ROTATE0, &[output])?.reply();
    x.ungrab_server()?;
    off?;
    sized?;
    let set = on?.status == SetConfig::SUCCESS;
    forget_others(x, output, &resources, &info, mode)?;
    draw_again(x, root, width, height).or_else(no_id)?;
    Ok(if set { size } else { current(x, root)? })
}

/// Sets the size of the whole, of which monitors show parts. Some programs take
/// from its millimetres how large to draw.
pub fn set_whole<C: Connection>(x: &C, root: Window, size: ScreenSize, grid: Grid) -> Result<(), ReplyError> {
    let millimetres = |pixels: u32| pixels * 254 / (960 * grid.scale.max(1));
    let (width, height) = (size.width as u16, size.height as u16);
    let set = x.randr_set_screen_size(root, width, height, millimetres(size.width), millimetres(size.height));
    set.map_err(ReplyError::from).and_then(|cookie| cookie.check())
}

fn name(size: ScreenSize) -> String {
    format!("{PREFIX}{}x{}", size.width, size.height)
}

fn new_mode<C: Connection>(
    x: &C,
    root: Window,
    output: randr::Output,
    size: ScreenSize,
) -> Result<randr::Mode, ReplyError> {
    let name = name(size);
    let timings = timings(size.width as u16, size.height as u16, &name);
    let mode = x.randr_create_mode(root, timings, name.as_bytes())?.reply()?.mode;
    x.randr_add_output_mode(output, mode)?.check()?;
    Ok(mode)
}

/// A mode of this size: one that was made before, or a new one.
pub fn own_mode<C: Connection>(
    x: &C,
    root: Window,
    output: randr::Output,
    (modes, mut names): (&[ModeInfo], &[u8]),
    size: ScreenSize,
) -> Result<randr::Mode, ReplyError> {
    let name = name(size);
    for mode in modes {
        let (one, rest) = names.split_at(usize::from(mode.name_len).min(names.len()));
        names = rest;
        if one == name.as_bytes() {
            // It may be another monitor's so far.
            x.randr_add_output_mode(output, mode.id)?.check()?;
            return Ok(mode.id);
        }
    }
    new_mode(x, root, output, size)
}

/// Has every window drawn again, by covering all for a moment: a driver may
/// forget the picture when the size changes (spiceqxl does).
fn draw_again<C: Connection>(x: &C, root: Window, width: u16, height: u16) -> Result<(), ReplyOrIdError> {
    let cover = x.generate_id()?;
    let class = WindowClass::INPUT_OUTPUT;
    let plain = CreateWindowAux::new().override_redirect(1).background_pixmap(x11rb::NONE);
    x.create_window(COPY_DEPTH_FROM_PARENT, cover, root, 0, 0, width, height, 0, class, 0, &plain)?;
    x.map_window(cover)?;
    Ok(x.destroy_window(cover)?.check()?)
}

/// Ids do not run out: each is used for a moment only.
fn no_id(error: ReplyOrIdError) -> Result<(), ReplyError> {
    match error {
        ReplyOrIdError::IdsExhausted => Ok(()),
        ReplyOrIdError::ConnectionError(error) => Err(error.into()),
        ReplyOrIdError::X11Error(error) => Err(ReplyError::X11Error(error)),
    }
}

/// Modes of ours that are not used any more.
fn forget_others<C: Connection>(
    x: &C,
    output: randr::Output,
    resources: &randr::GetScreenResourcesCurrentReply,
    info: &randr::GetOutputInfoReply,
    keep: randr::Mode,
) -> Result<(), ReplyError> {
    let mut names = resources.names.as_slice();
    for mode in &resources.modes {
        let (name, rest) = names.split_at(usize::from(mode.name_len).min(names.len()));
        names = rest;
        if name.starts_with(PREFIX.as_bytes()) && mode.id != keep && info.modes.contains(&mode.id) {
            // One that is still in use somewhere stays.
            let _ = x.randr_delete_output_mode(output, mode.id)?.check();
            let _ = x.randr_destroy_mode(mode.id)?.check();
        }
    }
    Ok(())
}

/// The size that the screen has.
pub fn current<C: Connection>(x: &C, root: Window) -> Result<ScreenSize, ReplyError> {
    let geometry = x.get_geometry(root)?.reply()?;
    Ok(ScreenSize { width: geometry.width.into(), height: geometry.height.into() })
}

fn timings(width: u16, height: u16, name: &str) -> ModeInfo {
    let (htotal, vtotal) = (width + BLANK.0, height + BLANK.1);
    ModeInfo {
        id: 0,
        width,
        height,
        dot_clock: u32::from(htotal) * u32::from(vtotal) * RATE,
        hsync_start: width + 48,
        hsync_end: width + 80,
        htotal,
        hskew: 0,
        vsync_start: height + 3,
        vsync_end: height + 10,
        vtotal,
        name_len: name.len() as u16,
        mode_flags: randr::ModeFlag::HSYNC_POSITIVE | randr::ModeFlag::VSYNC_POSITIVE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timings_are_in_order_for_all_sizes() {
        for (width, height) in [(200, 200), (1023, 767), (8192, 1012), (1012, 8192)] {
            let mode = timings(width, height, "x");
            assert!(mode.width < mode.hsync_start && mode.hsync_end < mode.htotal);
            assert!(mode.height < mode.vsync_start && mode.vsync_end < mode.vtotal);
        }
    }
}
