//! A small file system of its own, which can be full and read-only as no folder can.

use std::{
    fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
    process::Command,
};

use tempfile::TempDir;

pub(crate) struct Mount {
    at: TempDir,
    /// The file that holds it, if it is not in memory.
    image: Option<PathBuf>,
    mounted: bool,
}

/// Runs a command; answers whether it succeeded.
fn run(command: &str, arguments: &[&str]) -> bool {
    Command::new(command).args(arguments).output().is_ok_and(|output| output.status.success())
}

impl Mount {
    /// One in memory. `None`: this process may not mount, which is told past the test's own output.
    pub(crate) fn memory(mebibytes: u32) -> Option<Self> {
        let mut mount = Self { at: folder(), image: None, mounted: false };
        let options = format!("size={mebibytes}m");
        mount.mounted = run("mount", &["-t", "tmpfs", "-o", &options, "headwater-test", mount.text()]);
        mount.or_skipped()
    }

    /// One in a file. It becomes read-only when it fails, as the system's own do.
    pub(crate) fn ext4(mebibytes: u32) -> Option<Self> {
        let at = folder();
        let image = at.path().with_extension("ext4");
        let file = fs::File::create(&image).expect("files can be made");
        file.set_len(u64::from(mebibytes) << 20).expect("it is sparse");
        let mut mount = Self { at, image: Some(image), mounted: false };
        mount.mounted = run("mkfs.ext4", &["-q", "-m", "0", mount.image()]) && mount.mount();
        mount.or_skipped()
    }

    fn or_skipped(self) -> Option<Self> {
        if !self.mounted {
            let _ = writeln!(io::stderr(), "SKIPPED: needs root to mount a small file system");
        }
        self.mounted.then_some(self)
    }

    fn mount(&self) -> bool {
        run("mount", &["-o", "loop,errors=remount-ro", self.image(), self.text()])
    }

    pub(crate) fn path(&self) -> &Path {
        self.at.path()
    }

    fn text(&self) -> &str {
        self.path().to_str().expect("temporary folders have plain names")
    }

    fn image(&self) -> &str {
        self.image.as_deref().and_then(Path::to_str).expect("only one in a file has it")
    }

    /// Mounts it anew, for reading (`ro`) or for writing too (`rw`). Nobody may have files open for writing.
    pub(crate) fn remount(&self, mode: &str) {
        assert!(run("mount", &["-o", &format!("remount,{mode}"), self.text()]), "remount,{mode}");
    }

    /// Lets it find an error in itself: it is read-only from now on, also for files that are open.
    pub(crate) fn fail(&self) {
        let output = Command::new("findmnt").args(["-no", "SOURCE", self.text()]).output().expect("it runs");
        let device = String::from_utf8(output.stdout).expect("a path");
        let device = device.trim().trim_start_matches("/dev/");
        fs::write(format!("/sys/fs/ext4/{device}/trigger_fs_error"), "of a test").expect("ext4 has this");
    }

    /// Ends it, and mounts it again, whole.
    pub(crate) fn mend(&mut self) {
        self.mounted = !run("umount", &[self.text()]);
        assert!(!self.mounted, "nobody uses it");
        run("fsck.ext4", &["-p", self.image()]);
        self.mounted = self.mount();
        assert!(self.mounted, "it can be mounted again");
    }
}

fn folder() -> TempDir {
    TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder can be made")
}

impl Drop for Mount {
    fn drop(&mut self) {
        if self.mounted {
            // At once where it can be, and else when its last user is gone.
            let _ = run("umount", &[self.text()]) || run("umount", &["--lazy", self.text()]);
        }
        if let Some(image) = &self.image {
            let _ = fs::remove_file(image);
        }
    }
}
