// SPDX-License-Identifier: LGPL-2.1-or-later
//! What clients get: output, results, room for input.

use super::Sandbox;
use crate::conversation::{About, Conversation, Sent, ENOUGH};
use crate::job::{Job, Stream};
use terrarium_protocol::{FromInit, WINDOW};

/// Output goes in frames of at most this, in bytes.
const PIECE: usize = 32 * 1024;

impl Sandbox {
    /// Queues output and results for everybody who may have them. `true` if
    /// somebody got some: once that is written there may be more.
    pub(crate) fn pump(&mut self) -> bool {
        let is_over = self.over_since.is_some();
        let mut any = false;
        for talk in &mut self.talks {
            let About::Job(id) = talk.about else { continue };
            let Some(job) = self.jobs.iter().find(|job| job.id == id) else { continue };
            let before = talk.queued();
            let mut delivered = true;
            for stream in &job.streams {
                // Every stream gets its turn, whatever the others have left.
                delivered &= show(talk, stream);
            }
            let over = if id == 0 { is_over } else { job.is_over() };
            if over && delivered && !talk.has_result {
                if let Some(outcome) = job.outcome(self.memory.is_out()) {
                    talk.say(&FromInit::Result(outcome));
                    talk.has_result = true;
                }
            }
            any |= talk.queued() > before;
        }
        any
    }

    /// Writes input; tells the sender about the room that it made.
    pub(crate) fn write_input(&mut self) {
        for job in self.jobs.iter_mut().filter(|job| job.has_input()) {
            if job.write_input() {
                let (credit, closed) = (job.credit(), job.input.closed);
                if let Some(talk) = self.talks.iter_mut().find(|talk| Some(talk.id) == job.primary) {
                    talk.say(&FromInit::Credit { offset: credit });
                    if closed {
                        talk.say(&FromInit::InputClosed);
                    }
                }
            }
        }
    }

    /// Reads one stream of one job.
    pub(crate) fn fill(&mut self, id: u32, stream: usize) {
        self.jobs.iter_mut().filter(|job| job.id == id).for_each(|job: &mut Job| job.fill(stream));
    }
}

/// Queues what a client may have of a stream. `true` if it has all of it,
/// and the stream has ended.
fn show(talk: &mut Conversation, stream: &Stream) -> bool {
    let index = usize::from(stream.number);
    let ring = &stream.ring;
    while talk.queued() < ENOUGH {
        let Sent { next, acked, .. } = talk.sent[index];
        if next < ring.start() {
            talk.say(&FromInit::Gone { stream: stream.number, bytes: ring.start() - next });
            talk.sent[index] = Sent { next: ring.start(), acked: ring.start(), ended: false };
            continue;
        }
        let until = ring.end().min(acked + WINDOW);
        let most = usize::try_from(until.saturating_sub(next)).unwrap_or(0).min(PIECE);
        if most == 0 {
            break;
        }
        let bytes = ring.slice(next, most);
        talk.show(stream.number, next, &bytes);
        talk.sent[index].next += bytes.len() as u64;
    }
    let sent = &mut talk.sent[index];
    let complete = stream.fd.is_none() && sent.next >= ring.end();
    if complete && !sent.ended {
        sent.ended = true;
        talk.say(&FromInit::End { stream: stream.number, offset: ring.end() });
    }
    complete
}
