//! ImportAccessKey, ImportAccessKeys: keys that exist elsewhere are brought along, one or many.

use domain::access_keys::{AccessKey, ImportedKey, KeyStatus};
use domain::policy::Role;
use domain::secret::Secret;
use domain::users::{Attributes, NewUser};
use serde::Serialize;
use signing::Value;

use super::access_keys::SCHEMES;
use super::call::{Answering, Call, Reply};
use super::errors::{Problem, Refusal};
use super::input::Fields;
use super::key_model::KeyModel;
use super::{conditions, csv};

/// Lines of one request: what is written within its time even on a slow disk.
const MOST_LINES: usize = 500;
/// Members of a key, beside its conditions.
const MEMBERS: &[&str] = &["id", "secret", "status", "description"];

#[derive(Serialize)]
struct ImportResult {
    imported: usize,
    refused: usize,
    items: Vec<LineModel>,
}

#[derive(Serialize)]
struct LineModel {
    line: usize,
    user: Option<String>,
    id: Option<String>,
    result: &'static str,
    problem: Option<serde_json::Value>,
}

pub(super) fn one(call: Call<'_>) -> Answering<'_> {
    Box::pin(async move {
        call.body.closed(&[MEMBERS, conditions::MEMBERS].concat())?;
        let key = import(&call, call.name(), call.body).await?;
        Reply::created(&KeyModel::new(&key, call.name(), None, call.now()))
    })
}

pub(super) fn many(call: Call<'_>) -> Answering<'_> {
    Box::pin(async move {
        let create_users = call.query.flag("create_users")?;
        let lines = match call.content_type {
            "application/x-ndjson" => json_lines(call.bytes)?,
            "text/csv" => csv_lines(call.bytes)?,
            _ => {
                let detail = "Send application/x-ndjson or text/csv.";
                return Err(Refusal::new(Problem::UnsupportedMediaType, detail));
            }
        };
        if lines.len() > MOST_LINES {
            return Err(Refusal::new(Problem::MalformedRequest, "Send at most 500 keys in one request."));
        }
        let mut items = Vec::with_capacity(lines.len());
        for (line, fields) in lines {
            items.push(import_line(&call, line, fields, create_users).await?);
        }
        let imported = items.iter().filter(|item| item.problem.is_none()).count();
        Reply::ok(&ImportResult { imported, refused: items.len() - imported, items })
    })
}

/// Takes one line. What is wrong with it is told beside it; the others are taken all the same.
async fn import_line(
    call: &Call<'_>,
    line: usize,
    fields: Result<Fields, Refusal>,
    create_users: bool,
) -> Result<LineModel, Refusal> {
    let told = |name: &str| {
        let text = fields.as_ref().ok()?.text(name).ok()??;
        (text.chars().count() <= 128).then(|| text.to_owned())
    };
    let (user, id) = (told("user"), told("id"));
    let result = match &fields {
        Ok(fields) => import_fields(call, fields, create_users).await,
        Err(_) => fields.map(drop),
    };
    let (result, problem) = match result {
        Ok(()) => ("imported", None),
        // Not of this line alone.
        Err(refusal) if refusal.problem.status() >= 500 => return Err(refusal),
        Err(refusal) => ("refused", Some(refusal.as_json(call.caller.origin().request)?)),
    };
    Ok(LineModel { line, user, id, result, problem })
}

async fn import_fields(call: &Call<'_>, fields: &Fields, create_users: bool) -> Result<(), Refusal> {
    fields.closed(&[&["user"], MEMBERS, conditions::MEMBERS].concat())?;
    let user = fields.required("user")?;
    match import(call, user, fields).await {
        Err(refusal) if create_users && refusal.problem == Problem::UserNotFound => {
            let new = NewUser {
                name: user,
                display_name: String::new(),
                email: String::new(),
                role: Role::Member,
                attributes: Attributes::new(),
                first_key: None,
            };
            call.service.create_user(call.caller, new).await?;
            import(call, user, fields).await.map(drop)
        }
        result => result.map(drop),
    }
}

async fn import(call: &Call<'_>, user: &str, fields: &Fields) -> Result<AccessKey, Refusal> {
    if conditions::schemes(fields)?.is_none() {
        return Err(Refusal::invalid("schemes", "is missing"));
    }
    let imported = ImportedKey {
        id: fields.required("id")?,
        secret: Secret::new(fields.required("secret")?.as_bytes().to_vec()),
        status: fields.word("status", KeyStatus::parse)?.unwrap_or(KeyStatus::Active),
        issue: conditions::issue(call, fields, SCHEMES)?,
    };
    Ok(call.service.import_access_key(call.caller, user, &imported).await?)
}

/// A line with its number.
type Line = (usize, Result<Fields, Refusal>);

fn json_lines(bytes: &[u8]) -> Result<Vec<Line>, Refusal> {
    let lines = bytes.split(|byte| *byte == b'\n').enumerate();
    let lines = lines.filter(|(_, line)| !line.trim_ascii().is_empty());
    Ok(lines.map(|(number, line)| (number + 1, Fields::parse(line))).collect())
}

/// Turns each row into the object that it stands for. Empty cells are absent members.
fn csv_lines(bytes: &[u8]) -> Result<Vec<Line>, Refusal> {
    let malformed = |detail: String| Refusal::echoing(Problem::MalformedRequest, detail);
    let text = std::str::from_utf8(bytes).map_err(|_| malformed("The body is not UTF-8.".to_owned()))?;
    let rows =
        csv::read(text).map_err(|line| malformed(format!("A quote is out of place in line {line}.")))?;
    let mut rows = rows.into_iter();
    let Some((_, names)) = rows.next() else {
        return Err(malformed("The first line must name the columns.".to_owned()));
    };
    let line = |(number, cells): (usize, Vec<String>)| {
        if cells.len() != names.len() {
            let detail = "The line has another number of cells than the first.";
            return (number, Err(Refusal::new(Problem::MalformedRequest, detail)));
        }
        let members = names.iter().cloned().zip(cells).filter(|(_, cell)| !cell.is_empty());
        let members = members.map(|(name, cell)| {
            let value = match name.as_str() {
                "schemes" | "sources" | "audience" => {
                    Value::Array(cell.split_whitespace().map(|item| Value::Text(item.to_owned())).collect())
                }
                "requires_freshness" if matches!(cell.as_str(), "true" | "false") => {
                    Value::Bool(cell == "true")
                }
                _ => Value::Text(cell),
            };
            (name, value)
        });
        (number, Ok(Fields::of(members.collect())))
    };
    Ok(rows.map(line).collect())
}
