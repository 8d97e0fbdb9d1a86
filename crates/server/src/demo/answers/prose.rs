//! What the answers are put together from.

/// How each begins: nobody is to take it for what it is not.
const OPENING: &str = "I am no language model: I am a small program that picks from prepared paragraphs by the words of \
     your question, and sends them one word at a time.";

/// How each ends.
const ENDING: &str = "Reload this page in the middle of the next answer: it goes on where it was.";

/// What can be said of one thing.
struct Paragraph {
    /// The beginnings of words that ask for it, in lower case.
    about: &'static [&'static str],
    text: &'static str,
}

/// The first two are for whoever asks about none of this.
const PARAGRAPHS: [Paragraph; 10] = [
    Paragraph {
        about: &["what", "sse", "server-sent", "event", "explain", "basic", "format", "line"],
        text: "Server-Sent Events are one HTTP answer that does not end. The server writes lines of text, such as an id and \
               the data, and an empty line sends the event off. Every browser has understood it for more than a decade.",
    },
    Paragraph {
        about: &[
            "resum",
            "reload",
            "reconnect",
            "lost",
            "lose",
            "miss",
            "cut",
            "disconnect",
            "offline",
            "cursor",
            "id",
        ],
        text: "When the connection breaks, the browser comes back by itself and names the last id that it saw. The hub looks \
               up that place in its history and sends what came after it, so nothing is lost and nothing comes twice.",
    },
    Paragraph {
        about: &["websocket", "socket", "differ", "compar", "versus", "vs", "duplex", "why", "better"],
        text: "A WebSocket talks both ways over a protocol of its own. Most pages only listen, and send something now and \
               then: for that a stream down and ordinary requests up are enough, and every proxy, log and tool knows them.",
    },
    Paragraph {
        about: &["token", "jwt", "auth", "login", "private", "secur", "permission", "secret", "user"],
        text: "Who may publish or receive what stands in a signed token. The hub checks the signature and compares topics with \
               the selectors in it; your own backend decides who gets which. A stream ends when its token does.",
    },
    Paragraph {
        about: &["proxy", "proxies", "nginx", "buffer", "firewall", "network", "poll", "corporate"],
        text: "Some proxies hold an answer back until it is complete, and a stream never is. The client notices the silence, \
               asks by long poll whether there is something, and stays with that until a stream gets through again.",
    },
    Paragraph {
        about: &[
            "scale", "scaling", "many", "fast", "perform", "million", "memory", "cpu", "slow", "speed",
            "cost",
        ],
        text: "Each update is encoded once, whoever gets it. A subscriber costs a socket and a cursor, not a task and a queue: \
               a slow reader keeps its place in history and reads on from there, and nobody waits for it.",
    },
    Paragraph {
        about: &[
            "history",
            "disk",
            "retain",
            "retention",
            "store",
            "stored",
            "old",
            "durable",
            "crash",
            "restart",
            "keep",
        ],
        text: "Before a publisher hears that its update was taken, it has been written to a log and synced to the disk. It \
               survives a crash and a power cut, and is forgotten when it is older than its topic's rule says.",
    },
    Paragraph {
        about: &["tab", "browser", "http/1", "http/2", "http/3", "connection", "limit", "six", "share"],
        text: "Over HTTP/1.1 a browser opens six connections to one site, and each open tab may take one for its stream. So \
               the tabs of this site agree on one of them that holds the only stream and passes the events on.",
    },
    Paragraph {
        about: &["publish", "send", "post", "curl", "backend", "api", "idempot", "retry", "write"],
        text: "Publishing is one POST with a topic and the data, from any language that can speak HTTP. With a key of its own \
               it may be sent again after a lost answer: the hub knows the key, and publishes nothing twice.",
    },
    Paragraph {
        about: &[
            "ai",
            "llm",
            "model",
            "gpt",
            "chat",
            "answer",
            "token-by-token",
            "openai",
            "anthropic",
            "prompt",
        ],
        text: "Language models answer piece by piece, and most of their interfaces send Server-Sent Events. Behind a hub the \
               answer has a topic of its own: several people can read along, and who comes late reads it from the beginning.",
    },
];

/// An opening, the two paragraphs that the question's words ask for most, and an ending.
pub(super) fn compose(question: &str) -> String {
    let question = question.to_lowercase();
    let words: Vec<_> = question
        .split(|c: char| !c.is_alphanumeric() && !"-/".contains(c))
        .filter(|word| !word.is_empty())
        .collect();
    let mut ranked: Vec<_> = PARAGRAPHS.iter().collect();
    // Stable: of those that are asked for alike, the first ones.
    ranked.sort_by_key(|paragraph| std::cmp::Reverse(paragraph.score(&words)));
    [OPENING, ranked[0].text, ranked[1].text, ENDING].join("\n\n")
}

impl Paragraph {
    /// How many of the words ask for it. Short beginnings must be whole words: `id` is not in `idea`.
    fn score(&self, words: &[&str]) -> usize {
        let asks = |word: &&&str| {
            self.about
                .iter()
                .any(|about| if about.len() < 4 { *word == about } else { word.starts_with(about) })
        };
        words.iter().filter(asks).count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUESTIONS: [&str; 10] = [
        "What are Server-Sent Events?",
        "Is anything lost when I reconnect after being offline?",
        "Why not a WebSocket? How do they compare?",
        "How do TOKENS keep private things secret?",
        "Our corporate proxy buffers everything",
        "Does it scale to a million? How much memory?",
        "What happens to the history on disk after a crash?",
        "Can all my browser's tabs share a connection?",
        "How do I publish from my backend with curl?",
        "Are you GPT or another LLM?",
    ];

    #[test]
    fn the_words_of_a_question_choose_the_paragraphs() {
        for (question, paragraph) in QUESTIONS.iter().zip(&PARAGRAPHS) {
            assert!(compose(question).contains(paragraph.text), "{question}: {}", compose(question));
        }
        for other in ["", "Wie spät ist es?", "an idea, 🦊"] {
            let text = compose(other);
            assert!(text.contains(PARAGRAPHS[0].text) && text.contains(PARAGRAPHS[1].text), "{other}");
        }
    }

    #[test]
    fn every_answer_says_that_it_is_no_model_and_has_some_120_words() {
        for question in QUESTIONS {
            let text = compose(question);
            assert!(text.starts_with("I am no language model"));
            let words = text.split_whitespace().count();
            assert!((105..=135).contains(&words), "{words} for {question}");
            assert!(!text.contains("  "), "{text}");
        }
    }
}
