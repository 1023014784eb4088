// SPDX-License-Identifier: LGPL-2.1-or-later
//! Does with the clipboard here what the policy's machine says.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use gtk::prelude::*;
use gtk::subclass::prelude::*;
use gtk::{gdk, glib};

use super::provider::{mime_types, GuestProvider, FORMATS};
use super::SpiceView;
use crate::clipboard::{Action, ClipboardPolicy, Contents, Input, Machine};
use crate::types::{Command, Format, FromGuest};

/// What may pass at once unless something else is set: bytes.
pub(super) const LIMIT: u32 = 64 << 20;
/// How long a permission lasts unless something else is set: seconds.
pub(super) const LIFETIME: u32 = 30;
/// What is read of a clipboard at a time: bytes.
const CHUNK: usize = 1 << 16;

type Answer = async_channel::Sender<Option<Vec<u8>>>;

pub(super) struct Clipboard {
    machine: RefCell<Machine>,
    begun: Instant,
    /// What the guest's content was put here as.
    ours: RefCell<Option<gdk::ContentProvider>>,
    /// Programs here that wait for the guest's content.
    tickets: RefCell<BTreeMap<u64, Answer>>,
    next_ticket: Cell<u64>,
    timer: RefCell<Option<glib::SourceId>>,
    watched: RefCell<Option<(gdk::Clipboard, glib::SignalHandlerId)>>,
}

impl Default for Clipboard {
    fn default() -> Self {
        Clipboard {
            machine: RefCell::new(Machine::new(LIMIT as usize, Duration::from_secs(u64::from(LIFETIME)))),
            begun: Instant::now(),
            ours: RefCell::default(),
            tickets: RefCell::default(),
            next_ticket: Cell::default(),
            timer: RefCell::default(),
            watched: RefCell::default(),
        }
    }
}

impl Clipboard {
    pub(super) fn set_policy(&self, view: &SpiceView, policy: ClipboardPolicy) {
        self.take(view, Input::Policy(policy));
        if policy == ClipboardPolicy::Off {
            self.unwatch();
        } else {
            self.watch(view);
        }
    }

    pub(super) fn set_bounds(&self, limit: u32, lifetime: u32) {
        let lifetime = Duration::from_secs(u64::from(lifetime));
        self.machine.borrow_mut().set_bounds(limit as usize, lifetime);
    }

    pub(super) fn hear_guest(&self, view: &SpiceView, message: &FromGuest) {
        let input = match message.clone() {
            FromGuest::Grab(formats) => Input::GuestGrabs(formats),
            FromGuest::Request(format) => Input::GuestRequests(format),
            FromGuest::Data(format, content) => Input::GuestData(format, content),
            FromGuest::Release => Input::GuestReleases,
        };
        self.take(view, input);
    }

    pub(super) fn set_agent(&self, view: &SpiceView, present: bool) {
        self.take(view, Input::Agent(present));
    }

    pub(super) fn set_focused(&self, view: &SpiceView, focused: bool) {
        self.take(view, Input::Focus(focused));
    }

    pub(super) fn paste_key(&self, view: &SpiceView) {
        self.take(view, Input::PasteKey);
    }

    pub(super) fn offer(&self, view: &SpiceView) {
        self.take(view, Input::Offer);
    }

    pub(super) fn answer(&self, view: &SpiceView, id: u64, allowed: bool) {
        self.take(view, Input::Answer(id, allowed));
    }

    /// Takes what is the guest's back and watches no longer.
    pub(super) fn forget(&self, view: &SpiceView) {
        self.take(view, Input::Agent(false));
        self.unwatch();
        if let Some(timer) = self.timer.take() {
            timer.remove();
        }
    }

    fn watch(&self, view: &SpiceView) {
        if self.watched.borrow().is_some() {
            return;
        }
        let clipboard = view.clipboard();
        let weak = view.downgrade();
        let handler = clipboard.connect_changed(move |clipboard| {
            if let Some(view) = weak.upgrade() {
                view.imp().clipboard.changed(&view, clipboard);
            }
        });
        self.changed(view, &clipboard);
        self.watched.replace(Some((clipboard, handler)));
    }

    fn unwatch(&self) {
        if let Some((clipboard, handler)) = self.watched.take() {
            clipboard.disconnect(handler);
        }
    }

    fn changed(&self, view: &SpiceView, clipboard: &gdk::Clipboard) {
        let content = clipboard.content();
        if content.is_some() && content == *self.ours.borrow() {
            return;
        }
        self.ours.take();
        let formats = clipboard.formats().union_serialize_mime_types();
        let has = |format: &Format| mime_types(*format).iter().any(|name| formats.contain_mime_type(name));
        self.take(view, Input::HostChanged(FORMATS.into_iter().filter(has).collect()));
    }

    fn take(&self, view: &SpiceView, input: Input) {
        let actions = self.machine.borrow_mut().take(self.begun.elapsed(), input);
        for action in actions {
            self.act(view, action);
        }
        self.set_timer(view);
    }

    fn set_timer(&self, view: &SpiceView) {
        if let Some(timer) = self.timer.take() {
            timer.remove();
        }
        let Some(deadline) = self.machine.borrow().deadline() else { return };
        let weak = view.downgrade();
        let rest = deadline.saturating_sub(self.begun.elapsed());
        let timer = glib::timeout_add_local_once(rest, move || {
            if let Some(view) = weak.upgrade() {
                let clipboard = &view.imp().clipboard;
                // It has run: removing it again would be an error.
                clipboard.timer.take();
                clipboard.take(&view, Input::Tick);
            }
        });
        self.timer.replace(Some(timer));
    }

    fn act(&self, view: &SpiceView, action: Action) {
        match action {
            Action::Tell(message) => view.imp().send(Command::Clipboard(message)),
            Action::ReadHost(number, format) => self.read(view, number, format),
            Action::OfferHere(number, formats) => {
                self.put(view, &GuestProvider::new(view, number, &formats).upcast());
            }
            Action::PutHere(contents) => self.put(view, &provider_of(contents)),
            Action::TakeBack => {
                let (clipboard, ours) = (view.clipboard(), self.ours.take());
                if ours.is_some() && clipboard.content() == ours {
                    self.set_content(&clipboard, None);
                }
            }
            Action::AnswerPaste(ticket, content) => {
                let answer = self.tickets.borrow_mut().remove(&ticket);
                if let Some(answer) = answer {
                    // Who asked may have given up.
                    answer.try_send(content).ok();
                }
            }
            Action::Ask(ask) => view.emit_by_name::<()>("clipboard-asks", &[&ask]),
            Action::AskGone(id) => view.emit_by_name::<()>("clipboard-ask-gone", &[&id]),
            Action::Moved(moved) => view.emit_by_name::<()>("clipboard-moved", &[&moved]),
        }
    }

    fn put(&self, view: &SpiceView, provider: &gdk::ContentProvider) {
        self.ours.replace(Some(provider.clone()));
        self.set_content(&view.clipboard(), Some(provider));
    }

    fn set_content(&self, clipboard: &gdk::Clipboard, provider: Option<&gdk::ContentProvider>) {
        if let Err(error) = clipboard.set_content(provider) {
            tracing::debug!("the clipboard was not taken: {error}");
            self.ours.take();
        }
    }

    /// Asks the guest, if the machine lets it; the answer comes over the channel.
    pub(super) fn fetch(
        &self,
        view: &SpiceView,
        number: u64,
        format: Format,
    ) -> async_channel::Receiver<Option<Vec<u8>>> {
        let (answer, receiver) = async_channel::bounded(1);
        let ticket = self.next_ticket.get();
        self.next_ticket.set(ticket + 1);
        self.tickets.borrow_mut().insert(ticket, answer);
        self.take(view, Input::HostPastes(number, ticket, format));
        receiver
    }

    fn read(&self, view: &SpiceView, number: u64, format: Format) {
        let (clipboard, weak) = (view.clipboard(), view.downgrade());
        // One byte more than may pass shows that there is more.
        let limit = view.clipboard_limit() as usize + 1;
        glib::MainContext::default().spawn_local(async move {
            let content = read_clipboard(&clipboard, format, limit).await;
            if let Err(error) = &content {
                tracing::debug!("the clipboard cannot be read: {error}");
            }
            if let Some(view) = weak.upgrade() {
                view.imp().clipboard.take(&view, Input::HostRead(number, format, content.ok()));
            }
        });
    }
}

/// The clipboard's content, no more than `limit` bytes of it.
async fn read_clipboard(
    clipboard: &gdk::Clipboard,
    format: Format,
    limit: usize,
) -> Result<Vec<u8>, glib::Error> {
    let (stream, _) = clipboard.read_future(mime_types(format), glib::Priority::DEFAULT).await?;
    let mut content = Vec::new();
    while content.len() < limit {
        let bytes =
            stream.read_bytes_future(CHUNK.min(limit - content.len()), glib::Priority::DEFAULT).await?;
        if bytes.is_empty() {
            break;
        }
        content.extend_from_slice(&bytes);
    }
    stream.close_future(glib::Priority::DEFAULT).await.ok();
    Ok(content)
}

fn provider_of(contents: Contents) -> gdk::ContentProvider {
    let named = contents.into_iter().flat_map(|(format, content)| {
        let bytes = glib::Bytes::from_owned(content);
        mime_types(format).iter().map(move |name| gdk::ContentProvider::for_bytes(name, &bytes))
    });
    gdk::ContentProvider::new_union(&named.collect::<Vec<_>>())
}
