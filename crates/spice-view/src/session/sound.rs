// SPDX-License-Identifier: LGPL-2.1-or-later
//! Sound. spice-glib plays and records through GStreamer; a channel that is
//! not allowed gets no socket, so that nothing can be heard through it.

use std::cell::Cell;
use std::rc::Rc;

use gtk::glib;
use gtk::prelude::*;
use spice_client_glib as spice;

use super::attempt::Attempt;
use crate::types::Event;

impl Attempt {
    pub(super) fn adopt_playback(self: &Rc<Self>, channel: &spice::PlaybackChannel) {
        silence(channel, Rc::clone(&self.muted));
        let weak = Rc::downgrade(self);
        channel.connect_playback_start(move |_, _, _, _| {
            if let Some(attempt) = weak.upgrade() {
                attempt.tell_sound(true);
            }
        });
        let weak = Rc::downgrade(self);
        channel.connect_playback_stop(move |_| {
            if let Some(attempt) = weak.upgrade() {
                attempt.tell_sound(false);
            }
        });
    }

    /// Tells whether there is sound if that is new.
    pub(super) fn tell_sound(&self, sound: bool) {
        if self.sounds.replace(sound) != sound {
            self.tell(&Event::Sound(sound));
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

/// Keeps sound from the player while it is muted. The channel's own property
/// `mute` only says what the guest wants, and setting it does nothing; the
/// player, which comes later, hears a signal last.
fn silence(channel: &spice::PlaybackChannel, muted: Rc<Cell<bool>>) {
    channel.connect_local("playback-data", false, move |values| {
        if muted.get() {
            if let Some(channel) = values.first().and_then(|value| value.get::<glib::Object>().ok()) {
                channel.stop_signal_emission_by_name("playback-data");
            }
        }
        None
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_played_while_it_is_muted() {
        let session = spice::Session::new();
        let channel: spice::PlaybackChannel =
            glib::Object::builder().property("spice-session", &session).property("channel-type", 5).build();
        let (muted, played) = (Rc::new(Cell::new(false)), Rc::new(Cell::new(0)));
        silence(&channel, Rc::clone(&muted));
        channel.connect_local("playback-data", false, {
            let played = Rc::clone(&played);
            move |_| {
                played.set(played.get() + 1);
                None
            }
        });
        let data: glib::Pointer = std::ptr::null_mut();
        for mute in [false, true, true, false] {
            muted.set(mute);
            channel.emit_by_name::<()>("playback-data", &[&data, &0_i32]);
        }
        assert_eq!(played.get(), 2);
        session.disconnect();
    }
}
