//! A directory as a version of the format first wrote it is one that each later version opens.
//!
//! Each was made by `cargo test -p headwater-hub --test fixture -- --ignored make`, which makes another one, of the version
//! of today, in a temporary directory and says where. Never replace one in `fixtures` by that: a format that reads the new
//! one and not the old one is what this is to find.

use std::{
    fs,
    ops::ControlFlow,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, SystemTime},
};

use headwater_hub::{
    Clock, Epoch, EventId, EventType, HistoryPlace, Hub, IdempotencyKey, Options, Retry, Selector, Since,
    Submission, Subscribe, SystemClock, Topic, Update, upkeep,
};

fn update(topics: &[&str], data: &str) -> Update {
    let mut topics = topics.iter().map(|topic| Topic::new(topic).expect("a topic"));
    let mut update = Update::new(topics.next().expect("there is one"), data);
    update.topics.extend(topics);
    update
}

fn with_id(mut update: Update, id: &str) -> Update {
    update.id = Some(EventId::new(id).expect("an id"));
    update
}

/// What is in it, by offset. 6 was purged, and 8 is a gap.
fn updates() -> Vec<(u64, Update)> {
    let mut private = update(&["/news/2", "/all"], "two\nlines\n");
    private.private = true;
    let mut headline = with_id(update(&["/news/1", "/ünïcode"], "{\"a\":1}"), "urn:3");
    headline.event_type = Some(EventType::new("headline").expect("a type"));
    headline.retry = Some(Retry::from_millis(3000));
    vec![
        (1, update(&["/news/1"], "plain")),
        (2, private),
        (3, headline),
        (4, update(&["/orders"], "first of two")),
        (5, update(&["/orders"], "second of two")),
        (7, update(&["/news/1"], "")),
        (9, update(&["/news/1"], "behind the gap")),
        (10, with_id(update(&["/news/1"], "the same id again"), "urn:3")),
    ]
}

fn key() -> IdempotencyKey {
    IdempotencyKey::new(b"shop", "order-1", 42)
}

fn hub(path: &Path, epoch: u64, clock: Arc<dyn Clock>) -> Hub {
    let mut options = Options::default();
    options.history = HistoryPlace::Directory(path.to_owned());
    options.epoch = Epoch::from_bits(epoch);
    options.clock = clock;
    // A segment is written to for a sixteenth of this.
    options.retention.age = Some(AGE);
    Hub::start(options).expect("it opens")
}

/// A hundred years: what is in the fixture is never too old.
const AGE: Duration = Duration::from_hours(100 * 365 * 24);

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("it is there") {
        let path = entry.expect("an entry").path();
        fs::copy(&path, to.join(path.file_name().expect("a name"))).expect("it is copied");
    }
}

fn go_on(_: upkeep::Progress) -> ControlFlow<()> {
    ControlFlow::Continue(())
}

#[test]
fn what_the_first_version_wrote_is_found() {
    is_found(1);
}

#[test]
fn what_the_second_version_wrote_is_found() {
    is_found(2);
}

fn is_found(version: u32) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("history");
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    copy(&fixtures.join(format!("history-{version}")), &path);

    // As it lies there.
    let verified = upkeep::verify(&path, &mut go_on).expect("it is one");
    assert_eq!((verified.damage.as_slice(), verified.segments, verified.updates), (&[][..], 4, 9));
    let info = upkeep::info(&path, 2, &mut go_on).expect("it is one");
    let (a, b) = (Epoch::from_bits(0xa), Epoch::from_bits(0xb));
    assert_eq!((info.epochs, info.version, info.next), (vec![(a, 1), (b, 10)], version, 11));
    assert_eq!(info.gaps.iter().cloned().flatten().collect::<Vec<_>>(), [8]);
    let topics: Vec<_> = info.topics.iter().map(|t| (t.topic.as_str(), t.updates)).collect();
    assert_eq!(topics, [("/news/1", 5), ("/orders", 2)]);
    let retained = upkeep::Export::open(&path).expect("it opens").map(|r| r.expect("it is whole"));
    assert_eq!(retained.map(|r| (r.offset, r.update)).collect::<Vec<_>>(), updates());

    // As a hub serves it.
    let hub = hub(&path, 0xc, Arc::new(SystemClock::default()));
    let everything: Arc<[Selector]> = [Selector::new("*")].into();
    let ids = |selector: &str, since: Since, count: usize| {
        let request = Subscribe::to([Selector::new(selector)]).with_grant(everything.clone());
        let request = request.with_gap_events().since(since);
        let mut frames = hub.attach_stream(hub.subscribe(request).expect("there is room"));
        let ids = (0..count).map(|_| frames.next_blocking().expect("it goes on"));
        ids.map(|frame| frame.id().unwrap_or("a gap").to_owned()).collect::<Vec<_>>()
    };
    let of_a = |offset: u64| format!("#{a}-{offset}");
    let all = [of_a(1), of_a(2), "urn:3".into(), of_a(4), of_a(5), of_a(7)];
    assert_eq!(ids("*", Since::Earliest, 6), all);
    assert_eq!(ids("/ünïcode", Since::Earliest, 1), ["urn:3"]);
    let behind_it = ["a gap".into(), of_a(9), "urn:3".into()];
    assert_eq!(ids("*", Since::Id(of_a(7)), 3), behind_it);
    assert_eq!(ids("*", Since::Id("urn:3".into()), 1), [of_a(4)], "the first that bore the id counts");
    assert_eq!(ids("/all", Since::Earliest, 1), [of_a(2)], "an alternate");

    let orders = updates().into_iter().filter(|&(offset, _)| offset == 4 || offset == 5);
    let again = hub.publish(Submission::new(orders.map(|(_, update)| update)).with_key(key()));
    let receipt = again.wait().expect("it is open");
    assert!(receipt.repeated, "the key is found");
    assert_eq!(receipt.ids.iter().map(EventId::as_str).collect::<Vec<_>>(), [of_a(4), of_a(5)]);
    let next = hub.publish(update(&["/x"], "x")).wait().expect("it is open");
    assert_eq!(
        next.ids[0].as_str(),
        format!("#{}-11", Epoch::from_bits(0xc)),
        "a copy is an epoch of its own"
    );

    // As it has gone on.
    drop(hub);
    let verified = upkeep::verify(&path, &mut go_on).expect("it is one");
    assert_eq!((verified.damage.as_slice(), verified.segments, verified.updates), (&[][..], 4, 10));
    let info = upkeep::info(&path, 0, &mut go_on).expect("it is one");
    assert_eq!(info.version, version, "a segment stays of the version that began it");
}

/// Moves on by a tenth of the age each time that it is told to.
#[derive(Debug, Default)]
struct Hand(AtomicU64);

impl Clock for Hand {
    fn wall(&self) -> SystemTime {
        let base = Duration::from_secs(1_700_000_000);
        SystemTime::UNIX_EPOCH + base + AGE / 10 * self.0.load(Ordering::SeqCst) as u32
    }

    fn elapsed(&self) -> Duration {
        Duration::ZERO
    }
}

#[test]
#[allow(clippy::print_stderr, reason = "the path is what it is for")]
#[ignore = "makes another one; see above"]
fn make() {
    let folder = tempfile::tempdir().expect("a folder").keep();
    let (first, second) = (folder.join("first"), folder.join("history"));
    let clock = Arc::new(Hand::default());
    let publish = |hub: &Hub, submission: Submission| {
        let _ = hub.publish(submission).wait().expect("it is open");
    };
    let next_segment = || clock.0.fetch_add(1, Ordering::SeqCst);
    let mut all = updates().into_iter().map(|(_, update)| update);
    let mut next = || all.next().expect("there are eight");

    let one = hub(&first, 0xa, clock.clone());
    (0..3).for_each(|_| publish(&one, next().into()));
    publish(&one, Submission::new([next(), next()]).with_key(key()));
    next_segment();
    publish(&one, update(&["/gone"], "a secret").into());
    publish(&one, next().into());
    next_segment();
    publish(&one, update(&["/news/1"], "to be damaged").into());
    publish(&one, next().into());
    let _ = one.purge(&Topic::new("/gone").expect("a topic")).expect("the disk works");
    while !upkeep::info(&first, 0, &mut go_on).expect("it is one").pending_purges.is_empty() {
        thread::yield_now();
    }
    drop(one);

    copy(&first, &second);
    let segment = second.join("00000000000000000008.log");
    let mut bytes = fs::read(&segment).expect("it is there");
    bytes[64 + 36 + 10] ^= 1;
    fs::write(&segment, bytes).expect("it is written");
    upkeep::repair(&second, &mut go_on).expect("it is repaired");
    next_segment();
    let two = hub(&second, 0xb, clock.clone());
    publish(&two, next().into());
    drop(two);
    fs::remove_file(second.join("lock")).expect("it is there");
    eprintln!("{}", second.display());
}
