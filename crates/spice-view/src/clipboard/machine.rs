// SPDX-License-Identifier: LGPL-2.1-or-later
//! The machine that decides. Two things are offered: what lies in the
//! clipboard here, to the guest, and what was copied in the guest, here. Both
//! only while the user works in the view: a guest in the background neither
//! reads the clipboard nor replaces what is in it.

use std::time::Duration;

use super::contents::Gathering;
use super::{accept, ClipboardAsk, ClipboardPolicy, Contents, Direction};
use crate::types::{Format, ToGuest};

/// How long after the focus went the guest may still finish what was begun.
const GRACE: Duration = Duration::from_secs(2);
/// A guest that copies so soon after a paste gives back what it was given.
const ECHO: Duration = Duration::from_millis(500);
/// How long the guest may take to hand over what it offered.
const PATIENCE: Duration = Duration::from_secs(10);
/// When an offer is told again after the agent came: the half of it that owns
/// the guest's clipboard can come much later than the one that hears of offers,
/// which forgets them until then.
const AGAIN: [Duration; 4] =
    [Duration::from_secs(2), Duration::from_secs(6), Duration::from_secs(15), Duration::from_secs(40)];
/// So many programs here may wait for the guest's content.
const MAX_WAITING: usize = 8;

/// What happens.
#[derive(Clone, Debug)]
pub enum Input {
    /// Another policy holds.
    Policy(ClipboardPolicy),
    /// The guest's agent came or went.
    Agent(bool),
    /// The user turned to the view or away from it.
    Focus(bool),
    /// A key for pasting goes to the guest.
    PasteKey,
    /// The user wants to give the guest what was copied here.
    Offer,
    /// Something was copied here, of these formats. Not for what the machine put there.
    HostChanged(Vec<Format>),
    /// The content that was to be read: its number, and the content.
    HostRead(u64, Format, Option<Vec<u8>>),
    /// A program here pastes what the guest offered under that number; the
    /// answer goes to the ticket.
    HostPastes(u64, u64, Format),
    /// The guest copied something.
    GuestGrabs(Vec<Format>),
    /// The guest wants what is offered to it.
    GuestRequests(Format),
    /// The guest hands something over.
    GuestData(Format, Vec<u8>),
    /// The guest's offer is gone.
    GuestReleases,
    /// The user answered a question.
    Answer(u64, bool),
    /// Time passed.
    Tick,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Tell the guest.
    Tell(ToGuest),
    /// Read the clipboard here, and say so with that number.
    ReadHost(u64, Format),
    /// Offer here what the guest has, under that number.
    OfferHere(u64, Vec<Format>),
    /// Put this into the clipboard here.
    PutHere(Contents),
    /// Take the guest's offer out of the clipboard here.
    TakeBack,
    /// Answer a program here that pastes; nothing if there is nothing.
    AnswerPaste(u64, Option<Vec<u8>>),
    /// Ask the user.
    Ask(ClipboardAsk),
    /// The question is void.
    AskGone(u64),
    /// This has passed, for the user to see; its number is 0.
    Moved(ClipboardAsk),
}

/// What the guest is offered.
enum Offered {
    /// Whatever it asks for of the content with that number.
    Free(u64, Vec<Format>),
    /// This, once, in one of its formats, until then.
    Once(Contents, Duration),
}

/// Why the clipboard here is being read.
enum Reading {
    ToAsk(u64, Gathering),
    ToSend(u64, Format),
}

/// What the guest was asked for.
struct Request {
    format: Format,
    deadline: Duration,
    /// The tickets of those who wait; none if it is to be asked about.
    waiting: Vec<u64>,
}

/// Decides about one session's clipboard.
pub struct Machine {
    policy: ClipboardPolicy,
    limit: usize,
    lifetime: Duration,
    agent: bool,
    focused: bool,
    left: Option<Duration>,
    now: Duration,
    /// The number of what lies in the clipboard here, and its formats.
    host: (u64, Vec<Format>),
    /// The number of what was offered last.
    host_done: u64,
    offered: Option<Offered>,
    /// When it is told again, unless the guest shows before that it has heard.
    again: Vec<Duration>,
    reading: Option<Reading>,
    /// The number of what the guest copied last.
    guest: u64,
    /// The guest copied last: what is pasted in it is its own.
    guest_copied: bool,
    /// What of it is offered here.
    here: Option<Vec<Format>>,
    requests: Vec<Request>,
    /// What the guest is asked for, to ask about it.
    gathering: Option<Gathering>,
    asking: Option<(ClipboardAsk, Contents)>,
    last_ask: u64,
    last_sent: Option<Duration>,
    actions: Vec<Action>,
}

impl Machine {
    /// Shares nothing at first. Content over `limit` bytes is refused both
    /// ways; what the user allows into the guest is taken back after `lifetime`.
    pub fn new(limit: usize, lifetime: Duration) -> Self {
        Machine {
            policy: ClipboardPolicy::Off,
            limit,
            lifetime,
            agent: false,
            focused: false,
            left: None,
            now: Duration::ZERO,
            host: (1, Vec::new()),
            host_done: 0,
            offered: None,
            again: Vec::new(),
            reading: None,
            guest: 0,
            guest_copied: false,
            here: None,
            requests: Vec::new(),
            gathering: None,
            asking: None,
            last_ask: 0,
            last_sent: None,
            actions: Vec::new(),
        }
    }

    /// Other bounds from now on.
    pub fn set_bounds(&mut self, limit: usize, lifetime: Duration) {
        self.limit = limit;
        self.lifetime = lifetime;
    }

    /// Takes what happened at a time, which never runs backwards, and gives
    /// what is to be done, in order.
    pub fn take(&mut self, now: Duration, input: Input) -> Vec<Action> {
        self.now = self.now.max(now);
        self.expire();
        match input {
            Input::Policy(policy) => self.set_policy(policy),
            Input::Agent(present) => self.set_agent(present),
            Input::Focus(focused) => self.set_focus(focused),
            Input::PasteKey => self.paste_key(),
            Input::Offer => self.ask_about_here(),
            Input::HostChanged(formats) => self.host_changed(formats),
            Input::HostRead(number, format, content) => self.host_read(number, format, content),
            Input::HostPastes(number, ticket, format) => self.host_pastes(number, ticket, format),
            Input::GuestGrabs(formats) => self.guest_grabs(formats),
            Input::GuestRequests(format) => self.guest_requests(format),
            Input::GuestData(format, content) => self.guest_data(format, content),
            Input::GuestReleases => self.guest_releases(),
            Input::Answer(id, allowed) => self.answer(id, allowed),
            Input::Tick => {}
        }
        std::mem::take(&mut self.actions)
    }

    /// When time alone will change something.
    pub fn deadline(&self) -> Option<Duration> {
        let offered = match &self.offered {
            Some(Offered::Once(_, until)) => Some(*until),
            _ => None,
        };
        let again = self.again.first().copied().filter(|_| self.offered.is_some());
        self.requests.iter().map(|request| request.deadline).chain(offered).chain(again).min()
    }

    fn tell(&mut self, message: ToGuest) {
        if self.agent {
            self.actions.push(Action::Tell(message));
        }
    }

    /// Whether the user works in the view, or just did.
    fn is_near(&self) -> bool {
        self.focused || self.left.is_some_and(|left| self.now.saturating_sub(left) <= GRACE)
    }

    fn set_policy(&mut self, policy: ClipboardPolicy) {
        if policy == self.policy {
            return;
        }
        self.withdraw();
        self.forget_guest();
        self.policy = policy;
        self.host_done = 0;
        self.offer();
    }

    fn set_agent(&mut self, present: bool) {
        if present == self.agent {
            return;
        }
        if !present {
            // There is nobody left to tell.
            self.agent = false;
            self.again.clear();
            self.guest_copied = false;
            self.withdraw();
            self.forget_guest();
            return;
        }
        self.agent = true;
        self.again = AGAIN.map(|after| self.now.saturating_add(after)).into();
        self.host_done = 0;
        self.offer();
    }

    fn set_focus(&mut self, focused: bool) {
        if self.focused && !focused {
            self.left = Some(self.now);
        }
        self.focused = focused;
        self.offer();
    }

    /// Takes back what the guest is offered, and the question about it.
    fn withdraw(&mut self) {
        if self.offered.take().is_some() {
            self.tell(ToGuest::Release);
        }
        if let Some(Reading::ToSend(_, format)) = self.reading.take() {
            self.tell(ToGuest::Data(format, Vec::new()));
        }
        self.drop_question(Direction::In);
    }

    fn drop_question(&mut self, direction: Direction) {
        if self.asking.as_ref().is_some_and(|(ask, _)| ask.direction == direction) {
            if let Some((ask, _)) = self.asking.take() {
                self.actions.push(Action::AskGone(ask.id));
            }
        }
    }

    /// Asks, if there is something to ask about.
    fn ask(&mut self, direction: Direction, gathering: Gathering) {
        let Some(contents) = gathering.finish() else { return };
        let Some(ask) = ClipboardAsk::about_all(self.last_ask + 1, direction, &contents) else { return };
        if let Some((old, _)) = self.asking.take() {
            self.actions.push(Action::AskGone(old.id));
        }
        self.last_ask = ask.id;
        self.actions.push(Action::Ask(ask.clone()));
        self.asking = Some((ask, contents));
    }

    fn answer(&mut self, id: u64, allowed: bool) {
        let Some((ask, contents)) = self.asking.take_if(|(ask, _)| ask.id == id) else { return };
        if !allowed || !self.agent {
            return;
        }
        match ask.direction {
            Direction::In => {
                self.tell(ToGuest::Grab(formats_of(&contents)));
                let until = self.now.saturating_add(self.lifetime);
                self.offered = Some(Offered::Once(contents, until));
            }
            Direction::Out => {
                self.actions.push(Action::Moved(ClipboardAsk { id: 0, ..ask }));
                self.actions.push(Action::PutHere(contents));
            }
        }
    }

    // From here to the guest.

    fn host_changed(&mut self, formats: Vec<Format>) {
        self.withdraw();
        // What the guest had offered here was replaced.
        self.here = None;
        self.guest_copied = false;
        self.fail_requests();
        self.host = (self.host.0 + 1, formats);
        self.offer();
    }

    /// Offers what lies in the clipboard here, each content once.
    fn offer(&mut self) {
        let (number, formats) = self.host.clone();
        let ready = self.focused && self.agent && self.policy.allows_in();
        if !ready || formats.is_empty() || self.host_done == number {
            return;
        }
        self.host_done = number;
        self.tell(ToGuest::Grab(formats.clone()));
        self.offered = Some(Offered::Free(number, formats));
    }

    /// The guest knows of nothing before the user has allowed it, and so cannot
    /// ask for it: a key for pasting is taken for its question.
    fn paste_key(&mut self) {
        if self.focused && !self.guest_copied {
            self.ask_about_here();
        }
    }

    /// Asks about what lies in the clipboard here, unless that is being asked,
    /// or is allowed already and not yet pasted.
    fn ask_about_here(&mut self) {
        let asks = self.asking.as_ref().is_some_and(|(ask, _)| ask.direction == Direction::In);
        let open = asks || self.offered.is_some() || self.reading.is_some();
        if self.policy != ClipboardPolicy::Ask || !self.agent || open {
            return;
        }
        if let Some(gathering) = Gathering::of(&self.host.1) {
            self.gather_here(gathering);
        }
    }

    /// Reads the next format of what lies here, or asks if there is none.
    fn gather_here(&mut self, gathering: Gathering) {
        let number = self.host.0;
        match gathering.next() {
            Some(format) => {
                self.reading = Some(Reading::ToAsk(number, gathering));
                self.actions.push(Action::ReadHost(number, format));
            }
            None => self.ask(Direction::In, gathering),
        }
    }

    /// Tells what is offered once more.
    fn offer_again(&mut self) {
        match &self.offered {
            Some(Offered::Free(_, formats)) => self.tell(ToGuest::Grab(formats.clone())),
            Some(Offered::Once(contents, _)) => self.tell(ToGuest::Grab(formats_of(contents))),
            None => {}
        }
    }

    fn guest_requests(&mut self, format: Format) {
        let near = self.is_near() && self.agent;
        self.again.clear();
        match self.offered.take() {
            Some(Offered::Free(number, formats)) => {
                let good = near && formats.contains(&format) && self.reading.is_none();
                self.offered = Some(Offered::Free(number, formats));
                if good {
                    self.reading = Some(Reading::ToSend(number, format));
                    self.actions.push(Action::ReadHost(number, format));
                    return;
                }
            }
            Some(Offered::Once(mut contents, until)) => {
                let at = contents.iter().position(|(allowed, _)| near && *allowed == format);
                if let Some(at) = at {
                    self.send(format, contents.swap_remove(at).1);
                    self.tell(ToGuest::Release);
                    return;
                }
                self.offered = Some(Offered::Once(contents, until));
            }
            None => {}
        }
        // A program in the guest waits for an answer: it gets an empty one.
        self.tell(ToGuest::Data(format, Vec::new()));
    }

    fn host_read(&mut self, number: u64, format: Format, content: Option<Vec<u8>>) {
        let content = content.and_then(|content| accept(format, content, self.limit));
        match self.reading.take() {
            Some(Reading::ToAsk(n, mut gathering)) if n == number && gathering.next() == Some(format) => {
                if number == self.host.0 {
                    gathering.take(format, content, self.limit);
                    self.gather_here(gathering);
                }
            }
            Some(Reading::ToSend(n, f)) if (n, f) == (number, format) => match content {
                Some(content) if number == self.host.0 => self.send(format, content),
                _ => self.tell(ToGuest::Data(format, Vec::new())),
            },
            // An old answer; the one that is waited for may still come.
            other => self.reading = other,
        }
    }

    fn send(&mut self, format: Format, content: Vec<u8>) {
        self.last_sent = Some(self.now);
        self.actions.push(Action::Moved(ClipboardAsk::about(0, Direction::In, format, &content)));
        self.tell(ToGuest::Data(format, content));
    }

    // From the guest to here.

    fn guest_grabs(&mut self, mut formats: Vec<Format>) {
        formats.sort_unstable();
        formats.dedup();
        // What was offered to it, it has replaced by its own.
        self.offered = None;
        self.again.clear();
        let echo = self.last_sent.is_some_and(|sent| self.now.saturating_sub(sent) < ECHO);
        if !self.agent || !self.is_near() || echo || formats.is_empty() {
            return;
        }
        self.guest += 1;
        self.guest_copied = true;
        if self.policy.allows_out() {
            self.fail_requests();
            self.here = Some(formats.clone());
            self.actions.push(Action::OfferHere(self.guest, formats));
        } else if self.policy == ClipboardPolicy::Ask && self.requests.is_empty() {
            self.drop_question(Direction::Out);
            if let Some(gathering) = Gathering::of(&formats) {
                self.gather_there(gathering);
            }
        }
    }

    /// Fetches the next format of what the guest copied, or asks if there is none.
    fn gather_there(&mut self, gathering: Gathering) {
        match gathering.next() {
            Some(format) => {
                self.gathering = Some(gathering);
                self.request(format, Vec::new());
            }
            None => self.ask(Direction::Out, gathering),
        }
    }

    fn request(&mut self, format: Format, waiting: Vec<u64>) {
        let deadline = self.now.saturating_add(PATIENCE);
        self.requests.push(Request { format, deadline, waiting });
        // The agent answers one at a time.
        if self.requests.len() == 1 {
            self.tell(ToGuest::Request(format));
        }
    }

    fn host_pastes(&mut self, number: u64, ticket: u64, format: Format) {
        let offered = self.here.as_ref().is_some_and(|formats| formats.contains(&format));
        let waiting: usize = self.requests.iter().map(|request| request.waiting.len()).sum();
        if !offered || number != self.guest || !self.policy.allows_out() || waiting >= MAX_WAITING {
            return self.actions.push(Action::AnswerPaste(ticket, None));
        }
        match self.requests.iter_mut().find(|request| request.format == format) {
            Some(request) => request.waiting.push(ticket),
            None => self.request(format, vec![ticket]),
        }
    }

    fn guest_data(&mut self, format: Format, content: Vec<u8>) {
        // Only what was asked for is looked at.
        if self.requests.first().is_none_or(|request| request.format != format) {
            return;
        }
        let request = self.requests.remove(0);
        let content = accept(format, content, self.limit);
        if let Some(content) = content.as_ref().filter(|_| !request.waiting.is_empty()) {
            self.actions.push(Action::Moved(ClipboardAsk::about(0, Direction::Out, format, content)));
        }
        if request.waiting.is_empty() && self.policy == ClipboardPolicy::Ask {
            if let Some(mut gathering) = self.gathering.take() {
                gathering.take(format, content, self.limit);
                self.gather_there(gathering);
            }
            return;
        }
        for ticket in request.waiting {
            self.actions.push(Action::AnswerPaste(ticket, content.clone()));
        }
        if let Some(next) = self.requests.first() {
            let format = next.format;
            self.tell(ToGuest::Request(format));
        }
    }

    fn guest_releases(&mut self) {
        self.guest_copied = false;
        self.forget_guest();
    }

    fn forget_guest(&mut self) {
        self.fail_requests();
        if self.here.take().is_some() {
            self.actions.push(Action::TakeBack);
        }
        self.drop_question(Direction::Out);
    }

    fn fail_requests(&mut self) {
        self.gathering = None;
        for request in self.requests.drain(..) {
            self.actions.extend(request.waiting.into_iter().map(|ticket| Action::AnswerPaste(ticket, None)));
        }
    }

    fn expire(&mut self) {
        if matches!(&self.offered, Some(Offered::Once(_, until)) if *until <= self.now) {
            self.offered = None;
            self.tell(ToGuest::Release);
        }
        let due = self.again.partition_point(|date| *date <= self.now);
        if self.again.drain(..due).count() > 0 {
            self.offer_again();
        }
        // One that does not answer is not asked for the rest either.
        if self.requests.iter().any(|request| request.deadline <= self.now) {
            let gathering = self.gathering.take();
            self.fail_requests();
            // What it did answer with is worth a question.
            if let Some(gathering) = gathering {
                self.ask(Direction::Out, gathering);
            }
        }
    }
}

fn formats_of(contents: &Contents) -> Vec<Format> {
    contents.iter().map(|(format, _)| *format).collect()
}
