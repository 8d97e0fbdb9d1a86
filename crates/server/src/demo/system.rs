//! This machine's own load, each second.

use std::{
    convert::Infallible,
    time::{Duration, Instant},
};

use headwater_hub::{Topic, Update};
use serde::Serialize;
use sysinfo::{CpuRefreshKind, MemoryRefreshKind, Networks, RefreshKind, System};
use tokio::time::MissedTickBehavior;

use super::unix_millis;

/// The topic of the machine's readings.
pub(super) const TOPIC: &str = "/demo/system";

/// How often the machine is looked at.
const INTERVAL: Duration = Duration::from_secs(1);

/// Publishes a [`Reading`] of this machine each second, as long as it is polled.
///
/// What becomes of an update is the closure's business, here and in the other feeds: a publish that fails is one reading less. Ends only where the
/// machine does not let itself be read.
pub(super) async fn run<F, P>(publish: F) -> Result<Infallible, sysinfo::Error>
where
    F: Fn(Vec<Update>) -> P,
    P: Future<Output = ()>,
{
    let topic = Topic::new(TOPIC).expect("it is neither empty nor has it control characters");
    let mut machine = Machine::new()?;
    let mut ticks = tokio::time::interval(INTERVAL);
    // After the machine slept there is nothing to make up for: one reading says how it is now.
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    // The first tick is at once, and there is no CPU time to compare with yet.
    ticks.tick().await;
    loop {
        ticks.tick().await;
        publish(vec![Update::new(topic.clone(), machine.sample())]).await;
    }
}

/// What one update says of this machine.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(serde::Deserialize))]
pub(super) struct Reading {
    /// When this run began to look, in milliseconds since 1970: `seq` counts from 1 in each.
    pub(super) run: u64,
    /// Counts the readings of the run, so that one that is missing or came twice is seen.
    pub(super) seq: u64,
    /// When it was taken, in milliseconds since 1970.
    pub(super) time: u64,
    /// How busy the processor was since the reading before.
    pub(super) cpu: Cpu,
    /// The memory.
    pub(super) memory: Memory,
    /// The load averages of 1, 5 and 15 minutes.
    pub(super) load: [f64; 3],
    /// All interfaces but the loopback.
    pub(super) network: Network,
}

/// Percent of the time, 0 to 100.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(serde::Deserialize))]
pub(super) struct Cpu {
    /// Of all cores together.
    pub(super) total: f64,
    /// Of each core.
    pub(super) cores: Vec<f64>,
}

/// Bytes.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(serde::Deserialize))]
pub(super) struct Memory {
    /// What programs hold; what the kernel would give up at once (its caches) does not count.
    pub(super) used: u64,
    /// What the machine has.
    pub(super) total: u64,
}

/// Bytes a second.
#[derive(Debug, Serialize)]
#[cfg_attr(test, derive(serde::Deserialize))]
pub(super) struct Network {
    /// Came in.
    pub(super) received: u64,
    /// Went out.
    pub(super) sent: u64,
}

/// This machine, and what it was like at the last look: rates need two.
#[derive(Debug)]
pub(super) struct Machine {
    system: System,
    networks: Networks,
    run: u64,
    seq: u64,
    looked: Instant,
}

impl Machine {
    /// Looks for the first time.
    pub(super) fn new() -> Result<Self, sysinfo::Error> {
        let cpu = CpuRefreshKind::nothing().with_usage();
        let memory = MemoryRefreshKind::nothing().with_ram();
        Ok(Self {
            system: System::new_with_specifics(RefreshKind::nothing().with_cpu(cpu).with_memory(memory))?,
            networks: Networks::new_with_refreshed_list()?,
            run: unix_millis(),
            seq: 0,
            looked: Instant::now(),
        })
    }

    /// Looks again, and says what is new as JSON: a [`Reading`].
    pub(super) fn sample(&mut self) -> String {
        serde_json::to_string(&self.read()).expect("numbers and lists of them are JSON")
    }

    /// Reads a few files of `/proc`: well under a millisecond, so it may stand in an async task.
    fn read(&mut self) -> Reading {
        self.system.refresh_cpu_usage();
        self.system.refresh_memory();
        self.networks.refresh(true);
        let elapsed = self.looked.elapsed().as_secs_f64().max(0.001);
        self.looked = Instant::now();
        self.seq += 1;

        let (mut received, mut sent) = (0, 0);
        for (name, data) in &self.networks {
            if !matches!(name.to_str(), Some("lo" | "lo0")) {
                received += data.received();
                sent += data.transmitted();
            }
        }
        // Not every system has it.
        let load = System::load_average().map_or([0.0; 3], |load| [load.one, load.five, load.fifteen]);
        Reading {
            run: self.run,
            seq: self.seq,
            time: unix_millis(),
            cpu: Cpu {
                total: percent(self.system.global_cpu_usage()),
                cores: self.system.cpus().iter().map(|core| percent(core.usage())).collect(),
            },
            memory: Memory { used: self.system.used_memory(), total: self.system.total_memory() },
            load,
            network: Network {
                received: (received as f64 / elapsed) as u64,
                sent: (sent as f64 / elapsed) as u64,
            },
        }
    }
}

/// One decimal: what comes after it is noise, and would be most of the event.
fn percent(usage: f32) -> f64 {
    let usage = if usage.is_finite() { f64::from(usage).clamp(0.0, 100.0) } else { 0.0 };
    (usage * 10.0).round() / 10.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readings_count_up_within_a_run_and_stay_in_bounds() {
        let mut machine = Machine::new().expect("a machine that can be read");
        let readings: Vec<Reading> =
            (0..3).map(|_| serde_json::from_str(&machine.sample()).expect("a reading")).collect();
        assert_eq!(readings.iter().map(|reading| reading.seq).collect::<Vec<_>>(), [1, 2, 3]);
        for reading in &readings {
            assert_eq!(reading.run, readings[0].run);
            assert!(!reading.cpu.cores.is_empty());
            for usage in reading.cpu.cores.iter().chain([&reading.cpu.total]) {
                assert!((0.0..=100.0).contains(usage), "{usage}");
            }
            assert!(0 < reading.memory.used && reading.memory.used <= reading.memory.total);
        }
    }

    #[test]
    fn percentages_are_short_and_finite() {
        let shown = [12.345, -1.0, 130.0, f32::NAN].map(|usage| percent(usage).to_string());
        assert_eq!(shown, ["12.3", "0", "100", "0"]);
    }

    #[tokio::test(start_paused = true)]
    async fn publishes_one_reading_a_second_to_the_topic() {
        let (sender, mut updates) = tokio::sync::mpsc::channel(8);
        let publish = |mut updates: Vec<Update>| {
            let sender = sender.clone();
            async move {
                sender
                    .send((tokio::time::Instant::now(), updates.remove(0)))
                    .await
                    .expect("the test listens");
            }
        };
        let seen = async {
            let mut times = Vec::new();
            for seq in 1..=3 {
                let (at, update): (_, Update) = updates.recv().await.expect("a reading");
                assert_eq!(update.topics, [Topic::new(TOPIC).expect("a topic")]);
                let reading: Reading = serde_json::from_str(&update.data).expect("a reading");
                assert_eq!(reading.seq, seq);
                times.push(at);
            }
            times
        };
        let times =
            tokio::select! { times = seen => times, result = run(publish) => panic!("it ended: {result:?}") };
        assert_eq!([times[1] - times[0], times[2] - times[1]], [INTERVAL, INTERVAL]);
    }
}
