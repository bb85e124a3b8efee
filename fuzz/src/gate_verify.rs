//! What a service asks the gate in JSON.

use keyward::gate::verify::{MAX_REQUESTS, Questions};

/// The body of a call: reading it never panics, gives the same each time, and takes no more requests than the limit; a request
/// whose parts can be judged has them in the form of a request.
pub fn gate_verify(data: &[u8]) {
    let read = Questions::read(data);
    assert_eq!(read, Questions::read(data));
    let questions = match read {
        Err(_) => return,
        Ok(Questions::One(question)) => vec![question],
        Ok(Questions::Many(questions)) => questions,
    };
    assert!(!questions.is_empty() && questions.len() <= MAX_REQUESTS);
    for question in &questions {
        if let Ok(evidence) = question.evidence() {
            assert!(evidence.target.starts_with('/'));
            assert!(evidence.host.is_some_and(|host| !host.is_empty()));
        }
    }
}
