use super::{super::steps::Steps, *};
use crate::cursor::Epoch;

/// Written down, not computed: later versions must read it.
const TEXT: &str = "\
headwater-history 1
id 00112233445566778899aabbccddeeff
hash 000102030405060708090a0b0c0d0e0f
home 2049:131
epoch 000000000001 1
epoch 000000000002 4000
clean 4711
lost 17 20
lost 100 101
damaged 30 31
damaged 33 35
purge 500 2f626f6f6b732fc3a9
forgotten 00000000000000ff
crc32 ddd3b100
";

fn manifest() -> Manifest {
    let mut epochs = Epochs::new(Epoch::from_bits(1), 1);
    epochs.begin(Epoch::from_bits(2), 4_000);
    Manifest {
        id: [0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff],
        hash: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
        home: "2049:131".into(),
        epochs,
        clean: Some(4_711),
        lost: vec![17..20, 100..101],
        damaged: vec![30..31, 33..35],
        purges: vec![Purge { topic: Topic::new("/books/é").unwrap(), before: 500 }],
        forgotten: vec![255],
    }
}

/// These lines with a checksum that is right.
fn sealed(lines: &str) -> Vec<u8> {
    format!("{lines}crc32 {:08x}\n", crc32fast::hash(lines.as_bytes())).into_bytes()
}

/// The fixture's lines with one of them replaced.
fn with(line: &str, by: &str) -> Vec<u8> {
    let lines = &TEXT[..TEXT.find("crc32").unwrap()];
    assert!(lines.contains(line), "{line}");
    sealed(&lines.replace(line, by))
}

#[test]
fn it_is_written_and_read_as_it_is_written_down() {
    assert_eq!(manifest().to_text(), TEXT);
    assert_eq!(Manifest::from_bytes(TEXT.as_bytes()).unwrap(), manifest());
    let least = Manifest {
        epochs: Epochs::new(Epoch::from_bits(7), 9),
        clean: None,
        lost: vec![],
        damaged: vec![],
        purges: vec![],
        forgotten: vec![],
        ..manifest()
    };
    assert_eq!(Manifest::from_bytes(least.to_text().as_bytes()).unwrap(), least);
}

#[test]
fn no_bit_can_change_and_no_byte_be_missing() {
    for i in 0..TEXT.len() {
        for bit in 0..8 {
            let mut bytes = TEXT.as_bytes().to_vec();
            bytes[i] ^= 1 << bit;
            let error = Manifest::from_bytes(&bytes).unwrap_err();
            assert!(matches!(error, ManifestError::Checksum | ManifestError::Foreign), "byte {i}: {error}");
        }
        let error = Manifest::from_bytes(&TEXT.as_bytes()[..i]).unwrap_err();
        assert!(matches!(error, ManifestError::Checksum | ManifestError::Foreign), "{i} bytes: {error}");
    }
}

#[test]
fn a_newer_version_is_told_from_a_damaged_file() {
    let newer = with("headwater-history 1", "headwater-history 12\nquantum yes");
    assert!(matches!(Manifest::from_bytes(&newer), Err(ManifestError::Newer { version: 12 })));
    let zero = with("headwater-history 1", "headwater-history 0");
    assert!(matches!(Manifest::from_bytes(&zero), Err(ManifestError::Line { line: 1, .. })));
}

#[test]
fn a_line_that_is_never_written_is_named() {
    for (line, by, number) in [
        ("clean 4711", "cleaned 4711", 7),
        ("clean 4711", "clean", 7),
        ("clean 4711", "", 7),
        ("clean 4711", "clean +4711", 7),
        ("clean 4711", "clean 04711", 7),
        ("clean 4711", "clean 18446744073709551616", 7),
        ("clean 4711", "clean 4711\nclean 4711", 8),
        ("clean 4711", "clean 4711 ", 7),
        ("clean 4711", "clean 4711\r", 7),
        ("id 0011", "id 011", 2),
        ("id 0011", "id 00011", 2),
        ("aabbccddeeff", "AABBCCDDEEFF", 2),
        ("home 2049:131", "home ", 4),
        ("epoch 000000000001 1", "epoch 00000000000i 1", 5),
        ("epoch 000000000001 1", "epoch 000000000001", 5),
        ("lost 17 20", "lost 20 20", 8),
        ("lost 17 20", "lost 17", 8),
        ("lost 17 20", "lost 17 20 21", 8),
        ("damaged 30 31", "damaged 31 30", 10),
        ("2f626f", "2f626", 12),
        ("2f626f", "ff626f", 12),
        ("2f626f", "00626f", 12),
        ("2f626f6f6b732fc3a9", "", 12),
        ("forgotten 0000", "forgotten 000", 13),
    ] {
        let text = with(line, by);
        match Manifest::from_bytes(&text) {
            Err(ManifestError::Line { line, text, .. }) => assert_eq!(line, number, "{text}"),
            other => panic!("{by}: {other:?}"),
        }
    }
    let unfinished = sealed("headwater-history 1\nid 0");
    assert!(matches!(Manifest::from_bytes(&unfinished), Err(ManifestError::Line { line: 2, .. })));
}

#[test]
fn a_line_that_is_always_written_is_missed() {
    for (line, missing) in [
        ("id 00112233445566778899aabbccddeeff\n", "id"),
        ("hash 000102030405060708090a0b0c0d0e0f\n", "hash"),
        ("home 2049:131\n", "home"),
    ] {
        match Manifest::from_bytes(&with(line, "")) {
            Err(ManifestError::Missing(word)) => assert_eq!(word, missing),
            other => panic!("{line}: {other:?}"),
        }
    }
    let epochs = "epoch 000000000001 1\nepoch 000000000002 4000\n";
    for by in ["", "epoch 000000000001 2\nepoch 000000000002 1\n"] {
        assert!(matches!(Manifest::from_bytes(&with(epochs, by)), Err(ManifestError::Epochs)));
    }
}

#[test]
fn it_is_whole_before_it_has_its_name() {
    let disk = Steps::default();
    assert!(Manifest::load(&disk).unwrap().is_none());
    disk.take();
    manifest().store(&disk).unwrap();
    let way = [
        "create manifest.new",
        "write manifest.new",
        "sync manifest.new",
        "rename manifest.new manifest",
        "sync",
    ];
    assert_eq!(disk.take(), way);
    assert_eq!(Manifest::load(&disk).unwrap(), Some(manifest()));
}

#[test]
fn one_that_cannot_be_replaced_stays_and_what_was_left_behind_does_no_harm() {
    let newer = Manifest { clean: None, ..manifest() };
    let mut step = 0;
    loop {
        let disk = Steps::default();
        manifest().store(&disk).unwrap();
        disk.put(
            NEXT,
            b"of a start that did not get to its end, and longer than any manifest".repeat(20).as_slice(),
        );
        disk.refuse_after(step);
        let stored = newer.store(&disk);
        if !disk.refused() {
            stored.unwrap();
            break;
        }
        stored.unwrap_err();
        let there = Manifest::load(&disk).unwrap().unwrap();
        assert!(there == newer || there == manifest());
        newer.store(&disk).unwrap();
        assert_eq!(Manifest::load(&disk).unwrap(), Some(newer.clone()));
        step += 1;
    }
    assert_eq!(step, 7);
}

#[test]
fn a_file_of_others_is_not_read_to_its_end() {
    let disk = Steps::default();
    for other in ["", "headwater", "/* A web application's */ {}"] {
        disk.put(NAME, other.as_bytes());
        disk.take();
        assert!(matches!(Manifest::load(&disk), Err(ManifestError::Foreign)), "{other}");
        assert_eq!(disk.take(), ["open manifest", "read manifest 18"]);
    }
    disk.refuse_after(1);
    assert!(matches!(Manifest::load(&disk), Err(ManifestError::Io(_))));
}
