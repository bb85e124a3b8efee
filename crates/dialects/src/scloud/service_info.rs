//! GetRegion, GetProjectList: what the vendor's tools ask for while they are being configured. There is one region, and one
//! project for each account; neither holds anything.

use serde::Serialize;

use super::call::{Call, Reply};

/// The one region and its one zone.
const REGION: &str = "local";
const ZONE: &str = "local-01";

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Regions {
    regions: [Region; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Region {
    region: &'static str,
    zone: &'static str,
    is_default: bool,
    region_id: u32,
    region_name: &'static str,
    bit_maps: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Projects<'a> {
    project_count: u32,
    project_set: [Project<'a>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Project<'a> {
    project_id: String,
    project_name: &'a str,
    is_default: bool,
    create_time: i64,
    member_count: u32,
    resource_count: u32,
    parent_id: &'static str,
    parent_name: &'static str,
}

pub(super) fn regions(call: Call<'_>) -> Reply<'_> {
    Box::pin(async move {
        let region = Region {
            region: REGION,
            zone: ZONE,
            is_default: true,
            region_id: 1,
            region_name: REGION,
            bit_maps: "1",
        };
        call.success(&Regions { regions: [region] })
    })
}

pub(super) fn projects(call: Call<'_>) -> Reply<'_> {
    Box::pin(async move {
        let account = call.service.own_account(call.caller).await?;
        let project = Project {
            project_id: format!("org-{}", account.serial.get()),
            project_name: &account.name,
            is_default: true,
            create_time: account.created_at.seconds(),
            member_count: 0,
            resource_count: 0,
            parent_id: "",
            parent_name: "",
        };
        call.success(&Projects { project_count: 1, project_set: [project] })
    })
}
