//! Prices of companies that do not exist, many times a second, while somebody looks.

mod companies;

use std::time::Duration;

use headwater_hub::{Topic, Update};
use serde::Serialize;
use tokio::{
    sync::watch,
    time::{Instant, MissedTickBehavior},
};

use super::random::Random;
use companies::COMPANIES;

/// The topics of all prices.
pub(super) const TOPICS: &str = "/demo/ticker/{symbol}";

/// So long prices go on moving after they were last wanted: nobody's disk is to be filled while nobody looks.
const WANTED: Duration = Duration::from_mins(1);

/// What moves within one goes out together, in one commit.
const TICK: Duration = Duration::from_millis(100);

/// So many move at each tick: 200 a second.
const MOVES: usize = 20;

/// At each move a price changes by so much of itself at the most.
const VOLATILITY: f64 = 0.002;

/// Until when prices are wanted.
#[derive(Debug)]
pub(super) struct Wish(watch::Sender<Instant>);

impl Wish {
    /// Nobody looks yet.
    pub(super) fn none() -> Self {
        Self(watch::Sender::new(Instant::now()))
    }

    /// Somebody looks: prices move for a while, and all of them are told at once.
    pub(super) fn renew(&self) {
        self.0.send_replace(Instant::now() + WANTED);
    }

    /// For [`run`].
    pub(super) fn watch(&self) -> watch::Receiver<Instant> {
        self.0.subscribe()
    }
}

/// What one update says.
#[derive(Serialize)]
#[cfg_attr(test, derive(serde::Deserialize, Debug))]
struct Quote<'a> {
    symbol: &'a str,
    /// Told where all prices are.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    price: f64,
    /// What it was when this run of the hub began.
    open: f64,
    /// Milliseconds since 1970.
    time: u64,
}

/// One company's price, in cents: so it has two decimals however often it moves.
struct Price {
    topic: Topic,
    symbol: &'static str,
    name: &'static str,
    cents: u32,
    open: u32,
}

impl Price {
    fn walk(&mut self, random: &mut Random) {
        let step = f64::from(self.cents) * VOLATILITY * random.swing();
        // A move is one that can be seen.
        let step = if step < 0.0 { step.min(-1.0) } else { step.max(1.0) };
        let moved = (f64::from(self.cents) + step).round() as u32;
        // However long it runs, nothing becomes worthless, or the whole world's.
        self.cents = moved.clamp(self.open / 2, self.open * 2);
    }

    fn update(&self, with_name: bool, time: u64) -> Update {
        let quote = Quote {
            symbol: self.symbol,
            name: with_name.then_some(self.name),
            price: f64::from(self.cents) / 100.0,
            open: f64::from(self.open) / 100.0,
            time,
        };
        Update::new(self.topic.clone(), serde_json::to_string(&quote).expect("numbers and names are JSON"))
    }
}

/// All prices.
pub(super) struct Exchange {
    prices: Vec<Price>,
    random: Random,
}

impl Exchange {
    pub(super) fn new(mut random: Random) -> Self {
        let price = |(symbol, name): &(&'static str, &'static str)| {
            let open = 1_000 + random.below(40_000) as u32;
            let topic = Topic::new(format!("/demo/ticker/{symbol}")).expect("symbols are letters");
            Price { topic, symbol, name, cents: open, open }
        };
        let prices = COMPANIES.iter().map(price).collect();
        Self { prices, random }
    }

    /// All prices as they are.
    fn all(&self, time: u64) -> Vec<Update> {
        self.prices.iter().map(|price| price.update(true, time)).collect()
    }

    /// Some prices move, each by a little.
    fn tick(&mut self, time: u64) -> Vec<Update> {
        let Self { prices, random } = self;
        let mut updates = Vec::with_capacity(MOVES);
        for i in 0..MOVES {
            // Which of those that have not moved yet.
            let chosen = i + random.below(prices.len() - i);
            prices.swap(i, chosen);
            prices[i].walk(random);
            updates.push(prices[i].update(false, time));
        }
        updates
    }
}

/// Publishes what moves, while it is wanted. `now` is in milliseconds since 1970.
pub(super) async fn run<F, P>(
    mut exchange: Exchange,
    mut wanted: watch::Receiver<Instant>,
    now: impl Fn() -> u64,
    publish: F,
) where
    F: Fn(Vec<Update>) -> P,
    P: Future<Output = ()>,
{
    while wanted.changed().await.is_ok() {
        let mut until = *wanted.borrow_and_update();
        publish(exchange.all(now())).await;
        let mut ticks = tokio::time::interval(TICK);
        // After the machine slept there is nothing to make up for.
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        ticks.tick().await;
        loop {
            ticks.tick().await;
            if wanted.has_changed().unwrap_or(false) {
                until = *wanted.borrow_and_update();
                publish(exchange.all(now())).await;
            }
            if Instant::now() >= until {
                break;
            }
            publish(exchange.tick(now())).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{cell::RefCell, collections::BTreeSet};

    use super::*;

    fn quote(update: &Update) -> Quote<'_> {
        serde_json::from_str(&update.data).expect("a quote")
    }

    #[test]
    fn there_are_forty_symbols_and_each_is_a_topic_of_its_own() {
        let all = Exchange::new(Random::new(1)).all(7);
        assert_eq!(all.len(), 40);
        let topics: BTreeSet<_> = all.iter().map(|update| update.topics[0].as_str()).collect();
        assert_eq!(topics.len(), 40);
        for update in &all {
            let quote = quote(update);
            assert_eq!(update.topics[0].as_str(), format!("/demo/ticker/{}", quote.symbol));
            assert!(quote.symbol.bytes().all(|byte| byte.is_ascii_uppercase()));
            assert!(quote.name.is_some_and(|name| !name.is_empty()));
            assert_eq!((quote.price, quote.time), (quote.open, 7));
        }
    }

    #[test]
    fn a_tick_moves_different_prices_by_a_little_and_the_same_for_one_seed() {
        let ticks = || {
            let mut exchange = Exchange::new(Random::new(1));
            (0..50).map(|time| exchange.tick(time)).collect::<Vec<_>>()
        };
        assert_eq!(ticks(), ticks());
        let mut last: std::collections::BTreeMap<String, f64> = Exchange::new(Random::new(1))
            .all(0)
            .iter()
            .map(|update| (quote(update).symbol.to_owned(), quote(update).price))
            .collect();
        for tick in ticks() {
            let symbols: BTreeSet<_> = tick.iter().map(|update| quote(update).symbol).collect();
            assert_eq!((tick.len(), symbols.len()), (MOVES, MOVES));
            for quote in tick.iter().map(quote) {
                let before = last.insert(quote.symbol.to_owned(), quote.price).expect("it was told of");
                let change = (quote.price - before).abs();
                assert!(change > 0.0 && change <= before * VOLATILITY + 0.02, "{before} {quote:?}");
                let cents = quote.price * 100.0;
                assert!((cents - cents.round()).abs() < 1e-6, "{quote:?}");
            }
        }
    }

    #[test]
    fn a_price_never_leaves_its_bounds() {
        let mut exchange = Exchange::new(Random::new(3));
        for time in 0..20_000 {
            exchange.tick(time);
        }
        for price in &exchange.prices {
            assert!((price.open / 2..=price.open * 2).contains(&price.cents), "{}", price.symbol);
        }
    }

    /// What was published, and how long after the start.
    #[derive(Default)]
    struct Tape(RefCell<Vec<(Duration, usize)>>);

    impl Tape {
        /// Runs the feed for so long beside what asks for it.
        async fn record(&self, for_so_long: Duration, ask: impl AsyncFnOnce(&Wish)) {
            let wish = Wish::none();
            let start = Instant::now();
            let publish = async |updates: Vec<Update>| {
                self.0.borrow_mut().push((start.elapsed(), updates.len()));
            };
            let run = run(Exchange::new(Random::new(1)), wish.watch(), || 0, publish);
            let script = async {
                ask(&wish).await;
                tokio::time::sleep_until(start + for_so_long).await;
            };
            tokio::select! { () = run => panic!("it ended"), () = script => {} }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_moves_while_nobody_looks() {
        let tape = Tape::default();
        tape.record(Duration::from_hours(1), async |_| {}).await;
        assert_eq!(tape.0.take(), []);
    }

    #[tokio::test(start_paused = true)]
    async fn prices_move_for_a_minute_after_they_were_wanted_and_no_longer() {
        let tape = Tape::default();
        tape.record(Duration::from_hours(1), async |wish| wish.renew()).await;
        let tape = tape.0.take();
        assert_eq!(tape[0], (Duration::ZERO, 40), "all at once");
        assert_eq!(tape[1], (TICK, MOVES));
        let (last, _) = *tape.last().expect("ticks");
        assert_eq!(last + TICK, WANTED);
        let moves: usize = tape[1..].iter().map(|(_, count)| count).sum();
        assert_eq!(moves, 599 * MOVES, "200 a second");
    }

    #[tokio::test(start_paused = true)]
    async fn who_asks_again_has_all_prices_again_and_another_minute() {
        let tape = Tape::default();
        let half = WANTED / 2;
        tape.record(Duration::from_hours(1), async |wish| {
            wish.renew();
            tokio::time::sleep(half).await;
            // Several at once are told once.
            wish.renew();
            wish.renew();
            tokio::time::sleep(Duration::from_mins(10)).await;
            wish.renew();
        })
        .await;
        let tape = tape.0.take();
        let whole: Vec<_> = tape.iter().filter(|(_, count)| *count == 40).map(|(at, _)| *at).collect();
        assert_eq!(whole.len(), 3, "{whole:?}");
        assert!(whole[1] >= half && whole[1] <= half + TICK, "{whole:?}");
        assert_eq!(whole[2], half + Duration::from_mins(10));
        assert!(tape.iter().any(|(at, _)| *at + 2 * TICK > half + WANTED && *at < half + WANTED));
        assert!(!tape.iter().any(|(at, _)| *at >= half + WANTED && *at < whole[2]));
    }
}
