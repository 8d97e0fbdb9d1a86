//! A publisher: one request after the other, each under a key until it is answered, or once.

use std::net::SocketAddr;

use crate::{
    connection::Connection,
    dice::Dice,
    lobby::{Generation, Lobby},
    operation::Operation,
};

pub(crate) struct Publisher<'a> {
    number: usize,
    dice: Dice,
    way: Way<'a>,
}

impl<'a> Publisher<'a> {
    pub(crate) fn new(number: usize, address: SocketAddr, lobby: &'a Lobby, dice: Dice) -> Self {
        Self { number, dice, way: Way { address, lobby, open: None } }
    }

    /// Publishes until the lobby closes; answers all that it has tried, in order.
    pub(crate) fn run(mut self) -> Vec<Operation> {
        let mut operations = Vec::new();
        while !self.way.lobby.is_closing() {
            let mut operation = Operation::plan(self.number, operations.len(), &mut self.dice);
            if operation.key.is_some() {
                self.insist(&mut operation);
            } else {
                self.way.attempt(&mut operation, true);
            }
            operations.push(operation);
        }
        operations
    }

    /// Publishes the one update after which there are no more.
    pub(crate) fn end(mut self) -> Vec<Operation> {
        let mut end = Operation::end(self.number);
        self.way.attempt(&mut end, true);
        vec![end]
    }

    /// Repeats it until it is answered; and now and then although it was, or is about to be.
    fn insist(&mut self, operation: &mut Operation) {
        if self.dice.one_in(8) {
            self.way.attempt(operation, false);
            self.way.open = None;
        }
        let mut left = if self.dice.one_in(8) { 2 } else { 1 };
        while left > 0 {
            match self.way.attempt(operation, true) {
                Some(answered) => left -= u32::from(answered),
                None => return,
            }
        }
    }
}

/// How a publisher reaches the hub of the hour: one connection, kept for as long as it lives.
struct Way<'a> {
    address: SocketAddr,
    lobby: &'a Lobby,
    open: Option<(Generation, Connection)>,
}

impl Way<'_> {
    /// Sends it once. Answers whether the hub has answered; `None`: there is no hub any more.
    fn attempt(&mut self, operation: &mut Operation, listens: bool) -> Option<bool> {
        let (generation, connection) = self.connection()?;
        let done = operation.attempt(connection, listens).is_ok();
        if done && operation.attempts == 1 {
            operation.published_by = listens.then_some(*generation);
        }
        if !done {
            self.open = None;
        }
        Some(done)
    }

    fn connection(&mut self) -> Option<&mut (Generation, Connection)> {
        let mut dead = None;
        loop {
            let generation = self.lobby.enter(dead)?;
            if self.open.as_ref().is_none_or(|(of, _)| *of != generation) {
                self.open = Connection::open(self.address, false).ok().map(|open| (generation, open));
            }
            if self.open.is_some() {
                return self.open.as_mut();
            }
            dead = Some(generation);
        }
    }
}
