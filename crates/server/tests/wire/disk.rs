//! A disk that is full, and one that becomes read-only: real ones, mounted for the test. Publishers are told, subscribers
//! stay, and nothing that was acknowledged is lost.

use std::{fs, path::PathBuf};

use crate::harness::{Answer, Data, FORM, Hub, Mount, Stream, post, until};

/// Takes up space that an operator will find to free.
fn ballast(mount: &Mount, mebibytes: usize) -> Ballast {
    let path = mount.path().join(format!("ballast-{mebibytes}"));
    fs::write(&path, vec![1; mebibytes << 20]).expect("it fits");
    Ballast(path)
}

struct Ballast(PathBuf);

impl Ballast {
    fn free(self) {
        fs::remove_file(self.0).expect("it is there");
    }
}

/// What was acknowledged: the events of the topic "a".
#[derive(Default)]
struct Published(Vec<String>);

impl Published {
    fn publish(&mut self, hub: &Hub, length: usize) -> Answer {
        let data = format!("{}:{}", self.0.len(), "x".repeat(length));
        let answer = hub.ask(post(FORM, &format!("topic=a&data={data}")));
        if answer.status == 200 {
            self.0.push(format!("id: {}\ndata: {data}\n\n", answer.text()));
        }
        answer
    }

    /// Publishes smaller and smaller ones, until not even the smallest finds room; answers what it is told.
    fn fill(&mut self, hub: &Hub) -> Answer {
        let mut refuse = |length| loop {
            let answer = self.publish(hub, length);
            if answer.status != 200 {
                return answer;
            }
            assert!(self.0.len() < 10_000, "it must be full by now");
        };
        refuse(40_000);
        refuse(1_000);
        refuse(1)
    }

    /// The stream holds these next, from the one of this number on, and no other one between them.
    #[track_caller]
    fn follow(&self, stream: &mut Stream, from: usize) {
        for (number, event) in self.0.iter().enumerate().skip(from) {
            assert!(stream.event() == *event, "number {number} of {}", self.0.len());
        }
    }

    /// All of it is replayed.
    #[track_caller]
    fn check(&self, hub: &Hub) {
        let mut stream = hub.subscribe("?topic=a&lastEventID=earliest");
        assert_eq!(stream.after(), Some("earliest"));
        self.follow(&mut stream, 0);
    }
}

#[track_caller]
fn is_unavailable(answer: &Answer) {
    let detail = answer.problem(503, "History unavailable");
    assert!(detail.contains("log"), "{detail}");
    assert!(answer.header("retry-after").unwrap().parse::<u32>().unwrap() > 0);
}

#[test]
fn on_a_full_disk_publishers_are_told_and_publishing_goes_on_when_there_is_space() {
    for mount in [Mount::memory(16), Mount::ext4(24)] {
        let Some(mount) = mount else { return };
        let [first, second] = [3, 2].map(|mebibytes| ballast(&mount, mebibytes));
        let data = Data::within(mount.path());
        let hub = data.start();
        let mut published = Published::default();
        let mut stream = hub.subscribe("?topic=a");
        is_unavailable(&published.fill(&hub));
        let before = published.0.len();
        assert!(before > 100, "{before}");
        hub.wait_for_log("free some space on the disk");
        // Who is connected has it all, and so has who comes.
        published.follow(&mut stream, 0);
        published.check(&hub);
        let told = hub.count_in_log("updates cannot be stored");
        for _ in 0..10 {
            is_unavailable(&published.publish(&hub, 1));
        }
        assert_eq!(hub.count_in_log("updates cannot be stored"), told, "it is told once");

        first.free();
        for _ in 0..10 {
            assert_eq!(published.publish(&hub, 1_000).status, 200);
        }
        hub.wait_for_log("updates can be stored again");
        published.follow(&mut stream, before);
        published.check(&hub);

        // Nor does a crash lose anything, when it is full once more.
        is_unavailable(&published.fill(&hub));
        hub.kill();
        second.free();
        let hub = data.start();
        published.publish(&hub, 1);
        published.check(&hub);
    }
}

#[test]
fn retention_makes_room_on_a_full_disk() {
    let Some(mount) = Mount::memory(12) else { return };
    // Full soon, and before anything is too old.
    let _ballast = ballast(&mount, 10);
    let data = Data::within(mount.path());
    // By its size nothing would ever be forgotten here.
    let hub = data.start_with(&["--retain-bytes", "16MiB", "--retain-age", "2s"]);
    let mut published = Published::default();
    let mut stream = hub.subscribe("?topic=a");
    is_unavailable(&published.fill(&hub));
    published.follow(&mut stream, 0);
    let before = published.0.len();
    until("what is too old has made room", || (published.publish(&hub, 40_000).status == 200).then_some(()));
    published.follow(&mut stream, before);
}

#[test]
fn a_disk_that_becomes_read_only_is_read_on() {
    let Some(mut mount) = Mount::ext4(24) else { return };
    let data = Data::within(mount.path());
    let mut published = Published::default();
    let hub = data.start();
    for _ in 0..100 {
        published.publish(&hub, 1_000);
    }
    hub.kill();
    // What this one replays is on the disk, and not in its memory.
    let hub = data.start_with(&["--heartbeat", "50ms"]);
    published.publish(&hub, 1);
    let mut stream = hub.subscribe("?topic=a&lastEventID=earliest");
    published.follow(&mut stream, 0);
    mount.fail();
    is_unavailable(&published.publish(&hub, 1));
    hub.wait_for_log("mount the disk for writing");
    published.check(&hub);
    for _ in 0..3 {
        assert_eq!(stream.event(), ":\n");
    }
    drop(stream);
    hub.kill();

    mount.mend();
    let hub = data.start();
    published.publish(&hub, 1);
    published.check(&hub);
}

#[test]
fn a_hub_does_not_start_where_it_could_store_nothing() {
    let Some(mount) = Mount::memory(1) else { return };
    let data = Data::within(mount.path());
    let refused = |advice: &str| {
        let told = data.is_refused();
        assert!(told.contains(data.path().to_str().unwrap()) && told.trim_end().ends_with('.'), "{told}");
        assert!(told.contains(advice) && told.contains("--history"), "{told}");
    };
    mount.remount("ro");
    refused("permissions");
    mount.remount("rw");
    let all = ballast(&mount, 1);
    refused("free space");
    all.free();
    let mut published = Published::default();
    let hub = data.start();
    published.publish(&hub, 1);
    hub.stop();
    mount.remount("ro");
    refused("permissions");
    mount.remount("rw");
    published.check(&data.start());
}
