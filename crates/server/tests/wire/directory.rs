//! The directory of a history: one that a hub must not touch, and one that goes away under it.

use std::{
    fs,
    os::unix::{fs::MetadataExt as _, fs::PermissionsExt as _, process::CommandExt as _},
    process::Command,
};

use crate::harness::{Data, FORM, NDJSON, post, refused, serve, until};

/// What is said names the directory, and says what to do in a whole sentence.
#[track_caller]
fn advises(data: &Data, told: &str, advice: &str) {
    assert!(told.contains(data.path().to_str().unwrap()), "{told}");
    assert!(told.contains(advice) && told.trim_end().ends_with('.'), "{told}");
}

#[test]
fn only_one_hub_runs_on_a_directory() {
    let data = Data::new();
    let hub = data.start();
    let id = hub.publish("topic=a&data=1");
    advises(&data, &data.is_refused(), "--history");
    // The first one has not noticed.
    assert_eq!(hub.subscribe("?topic=a&lastEventID=earliest").event(), format!("id: {id}\ndata: 1\n\n"));
    hub.publish("topic=a&data=2");
    hub.kill();
    // And of one that crashed no lock is left.
    data.start().stop();
}

#[test]
fn a_directory_with_other_files_is_left_alone() {
    let data = Data::new();
    fs::create_dir(data.path()).unwrap();
    fs::write(data.path().join("thesis.txt"), "irreplaceable").unwrap();
    advises(&data, &data.is_refused(), "--history");
    assert_eq!(data.files(), [("thesis.txt".to_owned(), b"irreplaceable".to_vec())]);
}

#[test]
fn a_file_is_no_directory() {
    let data = Data::new();
    fs::write(data.path(), "a file").unwrap();
    advises(&data, &data.is_refused(), "--history");
    assert_eq!(fs::read(data.path()).unwrap(), b"a file");
}

#[test]
fn an_empty_directory_is_taken() {
    let data = Data::new();
    fs::create_dir(data.path()).unwrap();
    data.start().stop();
    assert!(data.files().iter().any(|(name, _)| name == "manifest"));
}

#[test]
fn a_newer_format_is_refused_and_left_as_it_is() {
    let data = Data::new();
    data.start().id_and_end("topic=a&data=1", crate::harness::Hub::stop);
    let path = data.path().join("manifest");
    let manifest = fs::read_to_string(&path).unwrap();
    let newer = manifest.replacen("headwater-history 1\n", "headwater-history 2\n", 1);
    assert_ne!(newer, manifest);
    // The last line is the sum of all before it.
    let sum = newer.rfind("crc32 ").unwrap();
    let newer = format!("{}crc32 {:08x}\n", &newer[..sum], crc32fast::hash(&newer.as_bytes()[..sum]));
    fs::write(&path, &newer).unwrap();
    let before = data.files();
    advises(&data, &data.is_refused(), "newer");
    assert_eq!(data.files(), before);
    fs::write(&path, manifest).unwrap();
    assert_eq!(data.start().subscribe("?topic=a&lastEventID=earliest").data(), "1");
}

#[test]
fn a_manifest_that_was_changed_is_refused() {
    let data = Data::new();
    data.start().stop();
    let path = data.path().join("manifest");
    let manifest = fs::read_to_string(&path).unwrap();
    fs::write(&path, manifest.replacen("clean 1", "clean 2", 1)).unwrap();
    advises(&data, &data.is_refused(), "manifest");
}

/// Nothing stops root, so the hub runs as somebody else there.
fn as_an_ordinary_user(command: &mut Command, data: &Data) {
    if fs::metadata(data.folder()).unwrap().uid() == 0 {
        // The path to the program may be closed to them.
        let copy = data.folder().join("headwater");
        fs::copy(command.get_program(), &copy).unwrap();
        fs::set_permissions(data.folder(), fs::Permissions::from_mode(0o755)).unwrap();
        let arguments: Vec<_> = command.get_args().map(ToOwned::to_owned).collect();
        *command = Command::new(copy);
        command.env_clear().args(arguments).uid(65534).gid(65534);
    }
}

#[test]
fn where_it_may_not_write_it_does_not_start() {
    let data = Data::new();
    let mut command = data.serve(&[]);
    as_an_ordinary_user(&mut command, &data);
    // Neither where the directory would have to be made, nor where it is there.
    fs::set_permissions(data.folder(), fs::Permissions::from_mode(0o555)).unwrap();
    advises(&data, &refused(command), "--history");

    fs::set_permissions(data.folder(), fs::Permissions::from_mode(0o755)).unwrap();
    data.start().stop();
    fs::set_permissions(data.path(), fs::Permissions::from_mode(0o555)).unwrap();
    let mut command = data.serve(&[]);
    as_an_ordinary_user(&mut command, &data);
    advises(&data, &refused(command), "--history");
    fs::set_permissions(data.path(), fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn when_the_directory_goes_away_publishers_are_told_and_subscribers_stay() {
    let data = Data::new();
    let hub = data.start_with(&["--heartbeat", "50ms"]);
    let mut stream = hub.subscribe("?topic=a");
    hub.publish("topic=a&data=1");
    fs::remove_dir_all(data.path()).unwrap();
    let answer = until("publishes are refused", || {
        let answer = hub.ask(post(FORM, "topic=b"));
        (answer.status != 200).then_some(answer)
    });
    let detail = answer.problem(503, "History unavailable");
    assert!(detail.contains("log"), "{detail}");
    assert!(answer.header("retry-after").unwrap().parse::<u32>().unwrap() > 0);
    let lines = "{\"topic\":\"a\",\"data\":\"2\"}\n{\"topic\":\"a\",\"data\":\"3\"}\n";
    let answer = hub.ask(post(NDJSON, lines));
    assert_eq!(answer.status, 200);
    for (n, line) in answer.text().lines().enumerate() {
        assert!(
            line.contains("\"History unavailable\"") && line.contains(&format!("\"line\":{}", n + 1)),
            "{line}"
        );
    }
    assert_eq!(answer.text().lines().count(), 2);
    hub.wait_for_log("updates cannot be stored");

    // The stream goes on, and nothing of what was refused is on it.
    let mut events = std::iter::repeat_with(|| stream.event()).filter(|event| event != ":\n");
    assert!(events.next().unwrap().ends_with("\ndata: 1\n\n"));
    drop(events);
    for _ in 0..3 {
        assert_eq!(stream.event(), ":\n");
    }
    // Who wants to come may, too.
    hub.subscribe("?topic=a");
}

#[test]
fn a_config_error_comes_before_any_directory_is_made() {
    let data = Data::new();
    let path = data.path();
    let mut command = serve(&["--history", path.to_str().unwrap(), "--sync", "never"]);
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(!path.exists());
}
