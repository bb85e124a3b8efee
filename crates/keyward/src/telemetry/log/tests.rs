//! The log from its handle to its output.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, PoisonError};

use super::*;

/// An output that keeps what it gets.
#[derive(Clone, Default)]
struct Memory(Arc<Mutex<Vec<u8>>>);

impl Memory {
    fn lines(&self) -> Vec<serde_json::Value> {
        let bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let text = String::from_utf8(bytes).unwrap();
        assert!(text.is_empty() || text.ends_with('\n'));
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

impl Write for Memory {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn start(settings: config::Log) -> (Log, LogWriter, Memory, LogCounters) {
    let (memory, counters) = (Memory::default(), LogCounters::default());
    let (log, writer) = Log::start(&settings, memory.clone(), &counters).unwrap();
    (log, writer, memory, counters)
}

fn request(outcome: Outcome) -> RequestLine<'static> {
    RequestLine {
        time_ms: 1_769_860_800_000,
        request_id: "r-1",
        dialect: "scloud",
        operation: "ListAccessKeys",
        account: Some("default"),
        user: Some("admin"),
        key_id: Some("KWABC"),
        source: Some(IpAddr::from([192, 0, 2, 1])),
        status: 200,
        outcome,
        cause: None,
        duration_us: 123,
    }
}

#[test]
fn a_request_is_one_line_with_all_its_fields() {
    let (log, _writer, memory, _) = start(config::Log::default());
    log.request(&RequestLine { cause: Some("key is inactive"), ..request(Outcome::Refused) });
    log.flush();
    assert_eq!(
        memory.lines(),
        [serde_json::json!({
            "time": "2026-01-31T12:00:00.000Z", "level": "info", "event": "request", "request.id": "r-1",
            "dialect": "scloud", "operation": "ListAccessKeys", "caller.account": "default",
            "caller.user": "admin", "key.id": "KWABC", "source": "192.0.2.1", "http.status": 200,
            "outcome": "refused", "cause": "key is inactive", "duration_us": 123
        })]
    );
}

#[test]
fn what_is_not_known_is_left_out() {
    let (log, _writer, memory, _) = start(config::Log::default());
    let stranger =
        RequestLine { account: None, user: None, key_id: None, source: None, ..request(Outcome::Malformed) };
    log.request(&stranger);
    log.flush();
    let lines = memory.lines();
    let keys: Vec<_> = lines[0].as_object().unwrap().keys().map(String::as_str).collect();
    let expected = [
        "dialect",
        "duration_us",
        "event",
        "http.status",
        "level",
        "operation",
        "outcome",
        "request.id",
        "time",
    ];
    assert_eq!(keys, expected);
}

#[test]
fn lines_below_the_level_are_not_written() {
    let (log, writer, memory, _) = start(config::Log { level: LogLevel::Warn, ..config::Log::default() });
    assert!(log.writes(LogLevel::Error) && log.writes(LogLevel::Warn) && !log.writes(LogLevel::Info));
    log.request(&request(Outcome::Ok));
    log.event(0, LogLevel::Debug, "details", &[]);
    log.request(&request(Outcome::Unauthenticated));
    log.event(
        0,
        LogLevel::Error,
        "store_failed",
        &[("node", Value::Number(7)), ("cause", Value::Text("EIO"))],
    );
    drop(writer);
    let events: Vec<_> =
        memory.lines().iter().map(|line| line["event"].as_str().unwrap().to_owned()).collect();
    assert_eq!(events, ["request", "store_failed"]);
}

#[test]
fn every_line_of_every_thread_is_written_before_the_writer_ends() {
    let (log, writer, memory, counters) = start(config::Log::default());
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..250).for_each(|_| log.request(&request(Outcome::Ok))));
        }
    });
    drop(writer);
    assert_eq!((memory.lines().len(), counters.dropped.get()), (1000, 0));
    log.request(&request(Outcome::Ok));
    assert_eq!((memory.lines().len(), counters.dropped.get()), (1000, 1), "after the end lines are counted");
}

/// An output that says when it is asked to write and goes on when told to.
struct Stuck {
    entered: Sender<()>,
    go_on: Receiver<()>,
    memory: Memory,
}

impl Write for Stuck {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.entered.send(()).unwrap();
        self.go_on.recv().unwrap();
        self.memory.write(bytes)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_full_queue_drops_whole_lines_and_counts_them() {
    let (entered, has_entered) = channel();
    let (release, go_on) = channel();
    let (memory, counters) = (Memory::default(), LogCounters::default());
    let out = Stuck { entered, go_on, memory: memory.clone() };
    let settings = config::Log { queue_bytes: 4096, ..config::Log::default() };
    let (log, writer) = Log::start(&settings, out, &counters).unwrap();
    log.request(&request(Outcome::Ok));
    has_entered.recv().unwrap();
    // The writer now holds one line and is stuck with it: what follows must not wait for it.
    (0..100).for_each(|_| log.request(&request(Outcome::Ok)));
    let dropped = counters.dropped.get();
    assert!(dropped > 80, "4096 bytes hold fewer than 20 lines: {dropped}");
    release.send(()).unwrap();
    release.send(()).unwrap();
    drop(writer);
    assert_eq!(u64::try_from(memory.lines().len()).unwrap() + dropped, 101);
}

#[test]
fn an_output_that_fails_costs_lines_and_nothing_else() {
    struct Broken;
    impl Write for Broken {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let counters = LogCounters::default();
    let (log, writer) = Log::start(&config::Log::default(), Broken, &counters).unwrap();
    for _ in 0..3 {
        log.request(&request(Outcome::Ok));
        log.flush();
    }
    drop(writer);
    assert_eq!(counters.dropped.get(), 3);
}

#[test]
fn t71_a_flood_of_refusals_is_sampled_per_source() {
    let (log, writer, memory, counters) = start(config::Log::default());
    let flood = request(Outcome::Unauthenticated);
    (0..10_000).for_each(|_| log.request(&flood));
    (0..50).for_each(|_| log.request(&request(Outcome::Ok)));
    log.request(&RequestLine { time_ms: flood.time_ms + 1_000, ..flood });
    drop(writer);
    let lines = memory.lines();
    let count = |outcome: &str| lines.iter().filter(|line| line["outcome"] == outcome).count();
    assert_eq!((count("unauthenticated"), count("ok")), (11, 50));
    assert_eq!((counters.left_out.get(), counters.dropped.get()), (9_990, 0));
    assert_eq!(lines.last().unwrap()["left_out"], 9_990);
}
