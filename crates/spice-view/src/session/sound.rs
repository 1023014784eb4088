// SPDX-License-Identifier: LGPL-2.1-or-later
//! Sound. spice-glib plays and records through GStreamer; a channel that is
//! not allowed gets no socket, so that nothing can be heard through it.

use std::rc::Rc;

use spice_client_glib as spice;

use super::attempt::Attempt;
use crate::types::Event;

impl Attempt {
    pub(super) fn adopt_playback(self: &Rc<Self>, channel: &spice::PlaybackChannel) {
        self.playback.replace(Some(channel.clone()));
        let weak = Rc::downgrade(self);
        channel.connect_playback_start(move |channel, _, _, _| {
            if let Some(attempt) = weak.upgrade() {
                channel.set_mute(attempt.muted.get());
                attempt.tell(&Event::Sound(true));
            }
        });
        let weak = Rc::downgrade(self);
        channel.connect_playback_stop(move |_| {
            if let Some(attempt) = weak.upgrade() {
                attempt.tell(&Event::Sound(false));
            }
        });
        let weak = Rc::downgrade(self);
        channel.connect_mute_notify(move |channel| {
            // The guest does not undo what was chosen here.
            if weak.upgrade().is_some_and(|attempt| attempt.muted.get()) && !channel.is_muted() {
                channel.set_mute(true);
            }
        });
    }

    pub(super) fn mute(&self, mute: bool) {
        self.muted.set(mute);
        let channel = self.playback.borrow().clone();
        if let Some(channel) = channel {
            channel.set_mute(mute);
        }
    }

    /// Lets spice-glib play. Called after the handler of new channels is
    /// there: a channel asks for its socket as soon as the player sees it.
    pub(super) fn begin_sound(&self) {
        if !self.options.sound && !self.options.microphone {
            return;
        }
        self.spice.set_enable_audio(true);
        if spice::Audio::get(&self.spice, None).is_none() {
            self.dropped("there is no sound here");
        }
    }
}
