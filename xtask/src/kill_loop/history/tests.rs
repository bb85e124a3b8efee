//! Planted losses must be found, and what a crash may do must not be reported.

use super::*;

fn credential(id: &str) -> Credential {
    Credential { id: id.to_owned(), secret: format!("secret of {id}") }
}

fn create_user(first_key: bool) -> Change {
    Change::CreateUser { user: "bob".to_owned(), first_key }
}

fn create_key() -> Change {
    Change::CreateKey { user: "bob".to_owned() }
}

fn set(key: &str, state: KeyState) -> Change {
    Change::SetState { user: "bob".to_owned(), key: key.to_owned(), state }
}

fn delete_key(key: &str) -> Change {
    Change::DeleteKey { user: "bob".to_owned(), key: key.to_owned() }
}

fn delete_user() -> Change {
    Change::DeleteUser { user: "bob".to_owned() }
}

/// Bob with the active key `a` and the disabled key `b`; key `c` was deleted.
fn bob() -> History {
    let mut history = History::default();
    for (change, created) in [
        (create_user(true), Some("a")),
        (create_key(), Some("c")),
        (delete_key("c"), None),
        (create_key(), Some("b")),
        (set("b", KeyState::Inactive), None),
    ] {
        history.begin(change);
        history.acknowledge(created.map(credential));
    }
    history
}

fn listed(keys: &[(&str, KeyState)]) -> Listed {
    Some(keys.iter().map(|(id, state)| ((*id).to_owned(), *state)).collect())
}

fn both() -> Listed {
    listed(&[("a", KeyState::Active), ("b", KeyState::Inactive)])
}

fn key_states(history: &History) -> Vec<(String, KeyState)> {
    let user = history.user("bob").unwrap();
    let mut states: Vec<_> = user.usable_keys().map(|(key, state)| (key.id, state)).collect();
    states.sort_by(|one, other| one.0.cmp(&other.0));
    states
}

#[test]
fn the_acknowledged_state_is_accepted_and_tells_how_each_key_must_answer() {
    let mut history = bob();
    assert_eq!(history.settle("bob", &both()), Ok(()));
    let expected = [("a", KeyState::Active), ("b", KeyState::Inactive), ("c", KeyState::Deleted)];
    assert_eq!(key_states(&history), expected.map(|(id, state)| (id.to_owned(), state)));
}

#[test]
fn planted_faults_are_found() {
    let user = || "bob".to_owned();
    let (active, inactive) = (KeyState::Active, KeyState::Inactive);
    let lost = |key: &str, state| Violation::LostKey { user: user(), key: key.to_owned(), state };
    let unexplained = |key: &str| Violation::UnexplainedKey { user: user(), key: key.to_owned() };
    for (found, violation) in [
        (None, Violation::LostUser(user())),
        (listed(&[]), lost("a", active)),
        (listed(&[("a", active)]), lost("b", inactive)),
        (listed(&[("b", inactive)]), lost("a", active)),
        (
            listed(&[("a", active), ("b", active)]),
            Violation::WrongState {
                user: user(),
                key: "b".to_owned(),
                acknowledged: inactive,
                found: active,
            },
        ),
        (listed(&[("a", active), ("b", inactive), ("c", active)]), unexplained("c")),
        (listed(&[("a", active), ("b", inactive), ("d", active)]), unexplained("d")),
    ] {
        assert_eq!(bob().settle("bob", &found), Err(violation.clone()), "{violation}");
        // A lost answer about something else excuses none of them.
        let mut busy = bob();
        busy.begin(Change::CreateUser { user: "eve".to_owned(), first_key: true });
        assert_eq!(busy.settle("bob", &found), Err(violation));
    }
}

#[test]
fn a_deleted_user_stays_deleted() {
    let mut history = bob();
    history.begin(delete_user());
    history.acknowledge(None);
    assert_eq!(history.settle("bob", &None), Ok(()));
    assert!(key_states(&history).iter().all(|(_, state)| *state == KeyState::Deleted));
    assert_eq!(history.settle("bob", &both()), Err(Violation::UnexplainedUser("bob".to_owned())));
}

#[test]
fn a_lost_answer_allows_the_old_and_the_new_state_and_nothing_between() {
    let (active, inactive) = (KeyState::Active, KeyState::Inactive);
    let enabled = listed(&[("a", active), ("b", active)]);
    let extended = listed(&[("a", active), ("b", inactive), ("new", active)]);
    for (change, after) in [
        (set("b", active), enabled.clone()),
        (delete_key("a"), listed(&[("b", inactive)])),
        (create_key(), extended.clone()),
        (delete_user(), None),
    ] {
        for (found, fits) in [
            (both(), true),
            (after.clone(), true),
            (listed(&[]), false),
            (listed(&[("a", inactive), ("b", inactive)]), false),
            (listed(&[("a", active), ("b", inactive), ("new", active), ("newer", active)]), false),
        ] {
            let mut history = bob();
            history.begin(change.clone());
            assert_eq!(history.settle("bob", &found).is_ok(), fits, "{change:?} {found:?}");
            // Once settled there is no way back.
            if fits && found != both() {
                assert!(history.settle("bob", &both()).is_err(), "{change:?}");
            }
        }
    }
}

#[test]
fn a_lost_creation_is_whole_or_absent() {
    for (first_key, found, fits) in [
        (true, None, true),
        (true, listed(&[("a", KeyState::Active)]), true),
        (true, listed(&[]), false),
        (true, listed(&[("a", KeyState::Inactive)]), false),
        (true, listed(&[("a", KeyState::Active), ("b", KeyState::Active)]), false),
        (false, None, true),
        (false, listed(&[]), true),
        (false, listed(&[("a", KeyState::Active)]), false),
    ] {
        let mut history = History::default();
        history.begin(create_user(first_key));
        assert_eq!(history.settle("bob", &found).is_ok(), fits, "{first_key} {found:?}");
        assert!(history.user("bob").is_none_or(|user| user.usable_keys().next().is_none()));
    }
}

#[test]
fn a_refused_change_must_have_no_effect() {
    let mut history = bob();
    history.begin(create_key());
    history.refused();
    let extended = listed(&[("a", KeyState::Active), ("b", KeyState::Inactive), ("new", KeyState::Active)]);
    assert!(history.settle("bob", &extended).is_err());
    assert_eq!(history.settle("bob", &both()), Ok(()));
}
