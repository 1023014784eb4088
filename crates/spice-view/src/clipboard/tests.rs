// SPDX-License-Identifier: LGPL-2.1-or-later
//! Each policy in each direction, with agents that behave and that do not.

use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::types::ToGuest;

const LIMIT: usize = 1000;
/// For how long the guest may ask for what was allowed.
const LIFETIME: Duration = Duration::from_secs(30);

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A machine with an agent, in focus, and what it did about that.
fn machine(policy: ClipboardPolicy) -> Machine {
    let mut machine = Machine::new(LIMIT, LIFETIME);
    for input in [Input::Policy(policy), Input::Agent(true), Input::Focus(true)] {
        assert!(machine.take(seconds(10), input).is_empty());
    }
    machine
}

fn text(content: &str) -> Vec<u8> {
    content.as_bytes().to_vec()
}

fn nothing() -> Action {
    Action::Tell(ToGuest::Data(Format::Text, vec![]))
}

fn sent(content: &str) -> [Action; 2] {
    let data = Action::Tell(ToGuest::Data(Format::Text, text(content)));
    [Action::Moved(ClipboardAsk::about(0, Direction::In, Format::Text, content.as_bytes())), data]
}

#[test]
fn in_gives_the_guest_what_is_here_when_it_asks() {
    let mut m = machine(ClipboardPolicy::In);
    let now = seconds(11);
    let done = m.take(now, Input::HostChanged(vec![Format::Text, Format::Png]));
    assert_eq!(done, [Action::Tell(ToGuest::Grab(vec![Format::Text, Format::Png]))]);
    assert_eq!(m.take(now, Input::GuestRequests(Format::Text)), [Action::ReadHost(2, Format::Text)]);
    assert_eq!(m.take(now, Input::HostRead(2, Format::Text, Some(text("hello")))), sent("hello"));
    // Nothing goes the other way.
    let later = seconds(20);
    assert_eq!(m.take(later, Input::GuestGrabs(vec![Format::Text])), []);
    assert_eq!(m.take(later, Input::GuestData(Format::Text, text("evil"))), []);
    assert_eq!(m.take(later, Input::HostPastes(1, 5, Format::Text)), [Action::AnswerPaste(5, None)]);
}

#[test]
fn a_guest_gets_nothing_that_was_not_offered() {
    let mut m = machine(ClipboardPolicy::In);
    let now = seconds(11);
    assert_eq!(m.take(now, Input::GuestRequests(Format::Text)), [nothing()]);
    m.take(now, Input::HostChanged(vec![Format::Png]));
    assert_eq!(m.take(now, Input::GuestRequests(Format::Text)), [nothing()]);
}

#[test]
fn an_agent_that_is_not_ready_is_told_again() {
    let told = |formats: &[Format]| [Action::Tell(ToGuest::Grab(formats.to_vec()))];
    let begin = || {
        let mut m = Machine::new(LIMIT, LIFETIME);
        m.take(seconds(1), Input::Policy(ClipboardPolicy::In));
        m.take(seconds(1), Input::Focus(true));
        m.take(seconds(1), Input::HostChanged(vec![Format::Text]));
        assert_eq!(m.take(seconds(10), Input::Agent(true)), told(&[Format::Text]));
        assert_eq!(m.deadline(), Some(seconds(12)));
        m
    };
    let mut m = begin();
    assert_eq!(m.take(seconds(11), Input::Tick), []);
    assert_eq!(m.take(seconds(12), Input::Tick), told(&[Format::Text]));
    // What is there by now, once for all that is due.
    assert_eq!(
        m.take(seconds(13), Input::HostChanged(vec![Format::Png])).last(),
        told(&[Format::Png]).last()
    );
    assert_eq!(m.take(seconds(30), Input::Tick), told(&[Format::Png]));
    assert_eq!(m.take(seconds(60), Input::Tick), told(&[Format::Png]));
    assert_eq!((m.take(seconds(90), Input::Tick), m.deadline()), (vec![], None));
    // One that asks, or has something of its own, has heard.
    for heard in [Input::GuestRequests(Format::Text), Input::GuestGrabs(vec![Format::Text])] {
        let mut m = begin();
        m.take(seconds(11), heard);
        assert_eq!((m.take(seconds(20), Input::Tick), m.deadline()), (vec![], None));
    }
    // Nothing is offered any more.
    let mut m = begin();
    m.take(seconds(11), Input::HostChanged(vec![]));
    assert_eq!((m.deadline(), m.take(seconds(20), Input::Tick)), (None, vec![]));
}

#[test]
fn a_guest_in_the_background_reads_nothing() {
    let mut m = machine(ClipboardPolicy::Both);
    m.take(seconds(11), Input::HostChanged(vec![Format::Text]));
    m.take(seconds(12), Input::Focus(false));
    // A password is copied elsewhere: what was offered is taken back.
    let done = m.take(seconds(13), Input::HostChanged(vec![Format::Text]));
    assert_eq!(done, [Action::Tell(ToGuest::Release)]);
    assert_eq!(m.take(seconds(13), Input::GuestRequests(Format::Text)), [nothing()]);
    assert_eq!(m.take(seconds(20), Input::GuestGrabs(vec![Format::Text])), [], "nor replaces it");
    let done = m.take(seconds(21), Input::Focus(true));
    assert_eq!(done, [Action::Tell(ToGuest::Grab(vec![Format::Text]))]);
}

#[test]
fn what_is_read_too_late_is_not_sent() {
    let mut m = machine(ClipboardPolicy::In);
    let now = seconds(11);
    m.take(now, Input::HostChanged(vec![Format::Text]));
    m.take(now, Input::GuestRequests(Format::Text));
    let done = m.take(now, Input::HostChanged(vec![Format::Text]));
    let grab = Action::Tell(ToGuest::Grab(vec![Format::Text]));
    assert_eq!(done, [Action::Tell(ToGuest::Release), nothing(), grab]);
    assert_eq!(m.take(now, Input::HostRead(2, Format::Text, Some(text("old")))), []);
}

#[test]
fn too_large_is_refused_both_ways() {
    let mut m = machine(ClipboardPolicy::Both);
    let now = seconds(11);
    m.take(now, Input::HostChanged(vec![Format::Text]));
    m.take(now, Input::GuestRequests(Format::Text));
    let large = vec![b'x'; LIMIT + 1];
    assert_eq!(m.take(now, Input::HostRead(2, Format::Text, Some(large.clone()))), [nothing()]);
    m.take(now, Input::GuestGrabs(vec![Format::Text]));
    m.take(now, Input::HostPastes(1, 7, Format::Text));
    assert_eq!(m.take(now, Input::GuestData(Format::Text, large)), [Action::AnswerPaste(7, None)]);
}

#[test]
fn out_offers_here_and_fetches_when_somebody_pastes() {
    let mut m = machine(ClipboardPolicy::Out);
    let now = seconds(11);
    assert_eq!(m.take(now, Input::HostChanged(vec![Format::Text])), []);
    assert_eq!(m.take(now, Input::GuestRequests(Format::Text)), [nothing()]);
    let formats = vec![Format::Text, Format::Png];
    let done = m.take(now, Input::GuestGrabs(vec![Format::Png, Format::Text, Format::Png]));
    assert_eq!(done, [Action::OfferHere(1, formats)]);
    assert_eq!(m.take(now, Input::GuestData(Format::Text, text("unasked"))), []);
    let ask = Action::Tell(ToGuest::Request(Format::Text));
    assert_eq!(m.take(now, Input::HostPastes(1, 1, Format::Text)), [ask]);
    assert_eq!(m.take(now, Input::HostPastes(1, 2, Format::Text)), []);
    assert_eq!(m.take(now, Input::GuestData(Format::Png, text("other"))), []);
    let done = m.take(now, Input::GuestData(Format::Text, text("hi")));
    let moved = Action::Moved(ClipboardAsk::about(0, Direction::Out, Format::Text, b"hi"));
    let answer = |ticket| Action::AnswerPaste(ticket, Some(text("hi")));
    assert_eq!(done, [moved, answer(1), answer(2)]);
    assert_eq!(m.take(now, Input::GuestReleases), [Action::TakeBack]);
    assert_eq!(m.take(now, Input::HostPastes(1, 3, Format::Text)), [Action::AnswerPaste(3, None)]);
}

#[test]
fn a_guest_that_does_not_answer_is_not_waited_for() {
    let mut m = machine(ClipboardPolicy::Out);
    m.take(seconds(11), Input::GuestGrabs(vec![Format::Text]));
    m.take(seconds(11), Input::HostPastes(1, 1, Format::Text));
    assert_eq!(m.deadline(), Some(seconds(21)));
    assert_eq!(m.take(seconds(21), Input::Tick), [Action::AnswerPaste(1, None)]);
    assert_eq!(m.take(seconds(22), Input::GuestData(Format::Text, text("late"))), []);
    let old = Input::HostPastes(0, 2, Format::Text);
    assert_eq!(m.take(seconds(22), old), [Action::AnswerPaste(2, None)], "an offer that was replaced");
}

#[test]
fn ask_in_gives_one_paste_for_one_permission() {
    let mut m = machine(ClipboardPolicy::Ask);
    let now = seconds(11);
    let copied = m.take(now, Input::HostChanged(vec![Format::Png, Format::Text]));
    assert_eq!(copied, [], "whoever pastes nothing is not asked");
    let done = m.take(now, Input::PasteKey);
    assert_eq!(done, [Action::ReadHost(2, Format::Text)], "nothing is said to the guest");
    assert_eq!(m.take(now, Input::PasteKey), [], "it is being read");
    let done = m.take(now, Input::HostRead(2, Format::Text, Some(text("secret"))));
    let ask = ClipboardAsk::about(1, Direction::In, Format::Text, b"secret");
    assert_eq!(done, [Action::Ask(ask)]);
    assert_eq!(m.take(now, Input::PasteKey), [], "it is being asked");
    assert_eq!(m.take(now, Input::GuestRequests(Format::Text)), [nothing()]);
    let done = m.take(now, Input::Answer(1, true));
    assert_eq!(done, [Action::Tell(ToGuest::Grab(vec![Format::Text]))]);
    assert_eq!(m.take(now, Input::PasteKey), [], "it is allowed");
    let done = m.take(now, Input::GuestRequests(Format::Text));
    assert_eq!(done[..2], sent("secret"));
    assert_eq!(done[2], Action::Tell(ToGuest::Release));
    assert_eq!(m.take(now, Input::GuestRequests(Format::Text)), [nothing()], "once");
    assert_eq!(m.take(now, Input::Answer(1, true)), [], "nor by the same answer again");
    m.take(now, Input::Focus(false));
    assert_eq!(m.take(now, Input::PasteKey), [], "a key that goes elsewhere");
    assert_eq!(m.take(now, Input::Focus(true)), [], "the focus is no paste");
}

#[test]
fn ask_in_asks_again_with_each_paste() {
    let mut m = machine(ClipboardPolicy::Ask);
    m.take(seconds(11), Input::HostChanged(vec![Format::Text]));
    let read = [Action::ReadHost(2, Format::Text)];
    let mut asked = |number: u64, at: u64, input: Input| {
        assert_eq!(m.take(seconds(at), input).last(), read.last(), "{number}");
        let ask = ClipboardAsk::about(number, Direction::In, Format::Text, b"same");
        let content = Some(text("same"));
        assert_eq!(m.take(seconds(at), Input::HostRead(2, Format::Text, content)), [Action::Ask(ask)]);
        let told = m.take(seconds(at), Input::Answer(number, number != 3));
        assert_eq!(told.len(), usize::from(number != 3), "{number}");
        if number == 1 {
            assert_eq!(m.take(seconds(at), Input::GuestRequests(Format::Text))[..2], sent("same"));
        }
    };
    asked(1, 12, Input::PasteKey);
    asked(2, 13, Input::PasteKey);
    // Nobody pasted, and its time is over; then it is denied.
    asked(3, 44, Input::PasteKey);
    asked(4, 45, Input::PasteKey);
    // What was copied in the guest since is what is pasted there.
    m.take(seconds(50), Input::GuestGrabs(vec![Format::Text]));
    assert_eq!(m.take(seconds(50), Input::PasteKey), []);
    assert_eq!(m.take(seconds(50), Input::Offer), read, "but the user can want the other");
    m.take(seconds(50), Input::HostChanged(vec![Format::Text]));
    assert_eq!(m.take(seconds(50), Input::PasteKey), [Action::ReadHost(3, Format::Text)]);
}

#[test]
fn a_paste_key_asks_only_where_it_is_to_be_asked() {
    use ClipboardPolicy::{Both, In, Off, Out};
    for policy in [Off, In, Out, Both] {
        let mut m = machine(policy);
        m.take(seconds(11), Input::HostChanged(vec![Format::Text]));
        for input in [Input::PasteKey, Input::Offer] {
            assert_eq!(m.take(seconds(11), input), [], "{policy:?}");
        }
    }
    let mut m = machine(ClipboardPolicy::Ask);
    assert_eq!(m.take(seconds(11), Input::PasteKey), [], "nothing is there");
    m.take(seconds(11), Input::HostChanged(vec![Format::Text]));
    m.take(seconds(11), Input::Agent(false));
    assert_eq!(m.take(seconds(11), Input::Offer), [], "nobody would take it");
}

#[test]
fn a_permission_ends_after_its_time() {
    let mut m = machine(ClipboardPolicy::Ask);
    m.take(seconds(11), Input::HostChanged(vec![Format::Text]));
    m.take(seconds(11), Input::PasteKey);
    m.take(seconds(11), Input::HostRead(2, Format::Text, Some(text("secret"))));
    m.take(seconds(12), Input::Answer(1, true));
    // Telling it again does not make it longer.
    assert_eq!(m.take(seconds(41), Input::Tick), [Action::Tell(ToGuest::Grab(vec![Format::Text]))]);
    assert_eq!(m.deadline(), Some(seconds(42)));
    assert_eq!(m.take(seconds(42), Input::Tick), [Action::Tell(ToGuest::Release)]);
    assert_eq!(m.take(seconds(42), Input::GuestRequests(Format::Text)), [nothing()]);
}

#[test]
fn ask_out_puts_here_what_was_asked_about() {
    let mut m = machine(ClipboardPolicy::Ask);
    let now = seconds(11);
    let done = m.take(now, Input::GuestGrabs(vec![Format::Text]));
    assert_eq!(done, [Action::Tell(ToGuest::Request(Format::Text))]);
    let done = m.take(now, Input::GuestData(Format::Text, text("out")));
    let ask = ClipboardAsk::about(1, Direction::Out, Format::Text, b"out");
    assert_eq!(done, [Action::Ask(ask)]);
    assert_eq!(m.take(now, Input::GuestData(Format::Text, text("swapped"))), []);
    let done = m.take(now, Input::Answer(1, true));
    assert_eq!(done[1..], [Action::PutHere(vec![(Format::Text, text("out"))])]);

    m.take(now, Input::GuestGrabs(vec![Format::Text]));
    m.take(now, Input::GuestData(Format::Text, text("again")));
    assert_eq!(m.take(now, Input::Answer(2, false)), []);
    m.take(now, Input::GuestGrabs(vec![Format::Text]));
    m.take(now, Input::GuestData(Format::Text, text("third")));
    assert_eq!(m.take(now, Input::Policy(ClipboardPolicy::Off)), [Action::AskGone(3)]);
    assert_eq!(m.take(now, Input::Answer(3, true)), []);
}

/// Text with its looks, and the question about both.
fn looks(id: u64, direction: Direction) -> (Contents, ClipboardAsk) {
    let ask = ClipboardAsk { id, direction, format: Format::Html, size: 15, characters: None };
    (vec![(Format::Text, text("bold")), (Format::Html, text("<b>bold</b>"))], ask)
}

#[test]
fn ask_in_gives_text_with_its_looks_or_without_once() {
    let grab = Action::Tell(ToGuest::Grab(vec![Format::Text, Format::Html]));
    for (id, format, other) in [(1, Format::Html, Format::Text), (2, Format::Text, Format::Html)] {
        let mut m = machine(ClipboardPolicy::Ask);
        let now = seconds(11);
        let (contents, _) = looks(id, Direction::In);
        m.take(now, Input::HostChanged(vec![Format::Html, Format::Text, Format::Png]));
        assert_eq!(m.take(now, Input::PasteKey), [Action::ReadHost(2, Format::Text)]);
        let read = |at: usize| Input::HostRead(2, contents[at].0, Some(contents[at].1.clone()));
        assert_eq!(m.take(now, read(1)), [], "that comes later");
        assert_eq!(m.take(now, read(0)), [Action::ReadHost(2, Format::Html)]);
        assert_eq!(m.take(now, read(1)), [Action::Ask(looks(1, Direction::In).1)]);
        assert_eq!(m.take(now, Input::Answer(1, true)), std::slice::from_ref(&grab));
        let refused = |format| [Action::Tell(ToGuest::Data(format, vec![]))];
        assert_eq!(m.take(now, Input::GuestRequests(Format::Png)), refused(Format::Png));
        let done = m.take(now, Input::GuestRequests(format));
        let content = contents.iter().find(|(one, _)| *one == format).unwrap().1.clone();
        assert_eq!(done[1..], [Action::Tell(ToGuest::Data(format, content)), Action::Tell(ToGuest::Release)]);
        assert_eq!(m.take(now, Input::GuestRequests(other)), refused(other), "one permission, one paste");
        assert_eq!(m.take(now, Input::GuestRequests(format)), refused(format));
    }
}

#[test]
fn ask_in_asks_about_the_text_if_its_looks_cannot_be_read() {
    for looks in [None, Some(vec![b'x'; LIMIT - 3])] {
        let mut m = machine(ClipboardPolicy::Ask);
        let now = seconds(11);
        m.take(now, Input::HostChanged(vec![Format::Text, Format::Html]));
        m.take(now, Input::PasteKey);
        m.take(now, Input::HostRead(2, Format::Text, Some(text("text"))));
        let ask = ClipboardAsk::about(1, Direction::In, Format::Text, b"text");
        assert_eq!(m.take(now, Input::HostRead(2, Format::Html, looks)), [Action::Ask(ask)]);
    }
}

#[test]
fn ask_out_asks_once_about_text_and_its_looks() {
    let mut m = machine(ClipboardPolicy::Ask);
    let (now, (contents, ask)) = (seconds(11), looks(1, Direction::Out));
    let request = |format| [Action::Tell(ToGuest::Request(format))];
    let copied = || Input::GuestGrabs(vec![Format::Html, Format::Text, Format::Png]);
    let hand_over = |at: usize| Input::GuestData(contents[at].0, contents[at].1.clone());
    assert_eq!(m.take(now, copied()), request(Format::Text));
    assert_eq!(m.take(now, hand_over(0)), request(Format::Html));
    assert_eq!(m.take(now, hand_over(1)), [Action::Ask(ask)]);
    assert_eq!(m.take(now, Input::Answer(1, true))[1..], [Action::PutHere(contents.clone())]);
    // A guest that says no more is asked about by what it has said.
    assert_eq!(m.take(now, copied()), request(Format::Text));
    assert_eq!(m.take(now, hand_over(0)), request(Format::Html));
    let ask = ClipboardAsk::about(2, Direction::Out, Format::Text, b"bold");
    assert_eq!(m.take(seconds(21), Input::Tick), [Action::Ask(ask)]);
    assert_eq!(m.take(seconds(22), hand_over(1)), [], "too late");
    // One that copies nothing any more is not asked about at all.
    m.take(seconds(22), copied());
    m.take(seconds(22), hand_over(0));
    assert_eq!(m.take(seconds(22), Input::GuestReleases), []);
    assert_eq!(m.take(seconds(22), hand_over(1)), []);
}

#[test]
fn what_the_guest_was_fed_does_not_come_back() {
    let mut m = machine(ClipboardPolicy::Both);
    let now = seconds(11);
    m.take(now, Input::HostChanged(vec![Format::Text]));
    m.take(now, Input::GuestRequests(Format::Text));
    m.take(now, Input::HostRead(2, Format::Text, Some(text("mine"))));
    assert_eq!(m.take(now + Duration::from_millis(100), Input::GuestGrabs(vec![Format::Text])), []);
    let later = m.take(now + seconds(1), Input::GuestGrabs(vec![Format::Text]));
    assert_eq!(later, [Action::OfferHere(1, vec![Format::Text])]);
}

#[test]
fn an_agent_that_goes_takes_its_offers_along() {
    let mut m = machine(ClipboardPolicy::Both);
    let now = seconds(11);
    m.take(now, Input::GuestGrabs(vec![Format::Text]));
    m.take(now, Input::HostPastes(1, 1, Format::Text));
    let done = m.take(now, Input::Agent(false));
    assert_eq!(done, [Action::AnswerPaste(1, None), Action::TakeBack]);
    assert_eq!(m.take(now, Input::GuestGrabs(vec![Format::Text])), []);
    assert_eq!(m.take(now, Input::HostChanged(vec![Format::Text])), []);
    assert_eq!(m.take(now, Input::Agent(true)), [Action::Tell(ToGuest::Grab(vec![Format::Text]))]);
}

fn formats() -> impl Strategy<Value = Vec<Format>> {
    proptest::collection::vec(prop_oneof![Just(Format::Text), Just(Format::Html), Just(Format::Png)], 0..4)
}

fn input() -> impl Strategy<Value = Input> {
    let format = || prop_oneof![4 => Just(Format::Text), 3 => Just(Format::Html), 1 => Just(Format::Png)];
    let content = || proptest::collection::vec(b'a'..=b'z', 0..LIMIT + 200);
    prop_oneof![
        Just(Input::Agent(true)),
        Just(Input::Agent(false)),
        Just(Input::Focus(true)),
        Just(Input::Focus(false)),
        Just(Input::PasteKey),
        Just(Input::Offer),
        formats().prop_map(Input::HostChanged),
        (0_u64..6, format(), proptest::option::of(content())).prop_map(|(n, f, c)| Input::HostRead(n, f, c)),
        (0_u64..6, 0_u64..9, format()).prop_map(|(n, t, f)| Input::HostPastes(n, t, f)),
        formats().prop_map(Input::GuestGrabs),
        format().prop_map(Input::GuestRequests),
        (format(), content()).prop_map(|(f, c)| Input::GuestData(f, c)),
        Just(Input::GuestReleases),
        (0_u64..6, any::<bool>()).prop_map(|(id, yes)| Input::Answer(id, yes)),
        Just(Input::Tick),
    ]
}

/// What the actions let through: into the guest, out of it, and what else
/// shows the one side something of the other.
#[derive(Default)]
struct Passed {
    into: usize,
    out: usize,
    told: usize,
    read: usize,
    offered: usize,
    /// Of what was told to the guest, how much nobody had allowed just then.
    unasked: usize,
    /// What was asked and not yet answered.
    asks: Vec<ClipboardAsk>,
    /// How often the user said yes, in and out.
    yes: [usize; 2],
    /// Until when the guest may hear of what was allowed in; an offer may be
    /// told more than once meanwhile.
    open: Option<Duration>,
}

impl Passed {
    fn answered(&mut self, now: Duration, input: &Input) {
        let Input::Answer(id, true) = input else { return };
        let Some(at) = self.asks.iter().position(|ask| ask.id == *id) else { return };
        let direction = self.asks.remove(at).direction;
        self.yes[direction as usize] += 1;
        if direction == Direction::In {
            self.open = Some(now + LIFETIME);
        }
    }

    fn see(&mut self, now: Duration, action: Action) {
        match action {
            Action::Tell(ToGuest::Data(_, content)) if !content.is_empty() => {
                assert!(content.len() <= LIMIT);
                self.into += 1;
                self.open = None;
            }
            Action::Tell(ToGuest::Grab(_)) => {
                self.told += 1;
                self.unasked += usize::from(self.open.is_none_or(|until| until <= now));
            }
            Action::Tell(ToGuest::Release) => self.open = None,
            Action::ReadHost(..) => self.read += 1,
            Action::PutHere(contents) => {
                assert!(contents.iter().map(|(_, content)| content.len()).sum::<usize>() <= LIMIT);
                self.out += 1;
            }
            Action::AnswerPaste(_, Some(content)) => {
                assert!(content.len() <= LIMIT);
                self.out += 1;
            }
            Action::OfferHere(..) => self.offered += 1,
            Action::Ask(ask) => self.asks.push(ask),
            Action::AskGone(id) => self.asks.retain(|ask| ask.id != id),
            _ => {}
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn nothing_passes_that_the_policy_does_not_allow(
        policy in prop_oneof![
            Just(ClipboardPolicy::Off), Just(ClipboardPolicy::In), Just(ClipboardPolicy::Out),
            Just(ClipboardPolicy::Both), Just(ClipboardPolicy::Ask),
        ],
        inputs in proptest::collection::vec((0_u64..3000, input()), 0..120),
    ) {
        let mut machine = machine(policy);
        let (mut now, mut passed) = (seconds(10), Passed::default());
        for (milliseconds, input) in inputs {
            now += Duration::from_millis(milliseconds);
            passed.answered(now, &input);
            for action in machine.take(now, input) {
                passed.see(now, action);
            }
        }
        holds(policy, &passed)?;
    }
}

/// What passed is what the policy and the user allow.
fn holds(policy: ClipboardPolicy, passed: &Passed) -> Result<(), TestCaseError> {
    match policy {
        ClipboardPolicy::Off => {
            prop_assert_eq!(passed.into + passed.out + passed.told + passed.read + passed.offered, 0);
        }
        ClipboardPolicy::In => prop_assert_eq!(passed.out + passed.offered, 0),
        ClipboardPolicy::Out => prop_assert_eq!(passed.into + passed.told + passed.read, 0),
        ClipboardPolicy::Ask => {
            prop_assert!(passed.into <= passed.yes[0] && passed.unasked == 0);
            prop_assert!(passed.out <= passed.yes[1] && passed.offered == 0);
        }
        ClipboardPolicy::Both => {}
    }
    Ok(())
}
