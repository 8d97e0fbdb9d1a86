//! What takes a while is seen to go on, and can be ended with Ctrl-C.

use std::{
    ops::ControlFlow,
    process,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use headwater_hub::upkeep::Progress;
use indicatif::{ProgressBar, ProgressStyle};

/// How a shell knows a process that Ctrl-C has ended.
const BY_SIGNAL: i32 = 130;

/// Ctrl-C, asked for instead of ending the process: what has been begun is left in good order. A second one ends it.
#[derive(Clone, Debug)]
pub(super) struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    pub(super) fn listen() -> Self {
        let asked = Self(Arc::default());
        let heard = asked.clone();
        // It ends with the process.
        thread::spawn(move || {
            super::block_on(async {
                // Where the system has no such signal to give, Ctrl-C does what it always does.
                while tokio::signal::ctrl_c().await.is_ok() {
                    if heard.0.swap(true, Ordering::Relaxed) {
                        process::exit(BY_SIGNAL);
                    }
                }
            });
        });
        asked
    }

    pub(super) fn is_asked(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// A progress bar on standard error, if that is a terminal.
#[derive(Debug)]
pub(super) struct Watched {
    bar: ProgressBar,
    interrupt: Interrupt,
}

impl Watched {
    pub(super) fn new() -> Self {
        Self { bar: bar(ProgressBar::no_length()), interrupt: Interrupt::listen() }
    }

    /// Shows how far it is, and says whether to go on.
    pub(super) fn see(&self, progress: Progress) -> ControlFlow<()> {
        show(&self.bar, progress);
        if self.interrupt.is_asked() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    pub(super) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

pub(super) fn show(bar: &ProgressBar, progress: Progress) {
    bar.set_length(progress.total);
    bar.set_position(progress.done);
}

/// Gives a bar its look.
pub(super) fn bar(bar: ProgressBar) -> ProgressBar {
    bar.with_style(ProgressStyle::with_template(TEMPLATE).expect("a template that is tried in a test"))
}

const TEMPLATE: &str = "{wide_bar} {percent}%, {eta} left";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_template_is_one() {
        assert!(ProgressStyle::with_template(TEMPLATE).is_ok());
    }
}
