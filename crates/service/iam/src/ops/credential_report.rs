//! `GenerateCredentialReport`, `GetCredentialReport`: all users and the state of their credentials.
//!
//! ```text
//! aws iam generate-credential-report
//! aws iam get-credential-report --query Content --output text | base64 -d
//! ```

use api_iam::{
    GenerateCredentialReportInput, GenerateCredentialReportResponse, GetCredentialReportInput,
    GetCredentialReportResponse, ReportFormatType, ReportStateType,
};
use kernel::{Ctx, Fault, Timestamp};
use shape::{Blob, TimeFormat};
use store::{ReadTx, Scan};

use crate::entity::{self, change};
use crate::error::Result;
use crate::record::{
    ACCOUNTS, KEYS, LOGINS, MFA, PasswordRules, REPORTS, ReportRecord, SIGNING, UserRecord,
};
use crate::{Iam, arn, lookup};

/// A report is made anew when it is older than this.
const FRESH_MS: i64 = 4 * 3_600_000;
const DAY_MS: i64 = 86_400_000;

const COLUMNS: &str = "user,arn,user_creation_time,password_enabled,password_last_used,\
    password_last_changed,password_next_rotation,mfa_active,access_key_1_active,\
    access_key_1_last_rotated,access_key_1_last_used_date,access_key_1_last_used_region,\
    access_key_1_last_used_service,access_key_2_active,access_key_2_last_rotated,\
    access_key_2_last_used_date,access_key_2_last_used_region,access_key_2_last_used_service,\
    cert_1_active,cert_1_last_rotated,cert_2_active,cert_2_last_rotated";

pub(crate) async fn generate_credential_report(
    _: &Iam,
    ctx: &Ctx,
    _: GenerateCredentialReportInput,
) -> Result<GenerateCredentialReportResponse> {
    let now_ms = ctx.now().epoch_ms;
    let made = change(ctx, |tx| {
        let known = tx.get(&REPORTS, ctx.account())?;
        if known.as_ref().is_some_and(|known| now_ms - known.made_ms < FRESH_MS) {
            return Ok(None);
        }
        let csv = report(tx, ctx.account())?;
        tx.put(&REPORTS, ctx.account(), &ReportRecord { csv, made_ms: now_ms })?;
        Ok(Some(known.is_none()))
    })
    .await?;
    Ok(GenerateCredentialReportResponse {
        state: Some(match made {
            Some(_) => ReportStateType::Started,
            None => ReportStateType::Complete,
        }),
        description: made
            .filter(|first| *first)
            .map(|_| "No report exists. Starting a new report generation task".to_owned()),
    })
}

pub(crate) async fn get_credential_report(
    _: &Iam,
    ctx: &Ctx,
    _: GetCredentialReportInput,
) -> Result<GetCredentialReportResponse> {
    let Some(report) = ctx.store().read(|tx| tx.get(&REPORTS, ctx.account()))? else {
        let message = "No report is available; use GenerateCredentialReport to create one.";
        return Err(Fault::new("ReportNotPresent", 410, message).into());
    };
    if ctx.now().epoch_ms - report.made_ms >= FRESH_MS {
        let message = "The most recent credential report has expired; use \
                       GenerateCredentialReport to create a new one.";
        return Err(Fault::new("ReportExpired", 410, message).into());
    }
    Ok(GetCredentialReportResponse {
        content: Some(Blob::from(report.csv.into_bytes())),
        report_format: Some(ReportFormatType::TextCsv),
        generated_time: Some(Timestamp::from_ms(report.made_ms)),
    })
}

fn report(tx: &ReadTx, account: &str) -> Result<String> {
    let own = tx.get(&ACCOUNTS, account)?.unwrap_or_default();
    let devices = tx.scan(&MFA, Scan::prefix(account))?;
    let has_device =
        |id: &str| devices.iter().any(|(_, device)| device.user_id.as_deref() == Some(id));
    let mut rows = vec![COLUMNS.to_owned()];
    let mut root = vec![
        "<root_account>".to_owned(),
        format!("arn:aws:iam::{account}:root"),
        time(0),
        "not_supported".into(),
        "not_supported".into(),
        "not_supported".into(),
        "not_supported".into(),
        has_device(account).to_string(),
    ];
    keys(tx, &own.root_keys, &mut root)?;
    root.extend(["false", "N/A", "false", "N/A"].map(str::to_owned));
    rows.push(root.join(","));
    for (_, user) in entity::list::<UserRecord>(tx, account, None)? {
        let mut row = vec![
            // A name may hold a comma; nothing else that CSV minds.
            if user.name.contains(',') { format!("\"{}\"", user.name) } else { user.name.clone() },
            arn::of(account, "user", &user.path, &user.name),
            time(user.created_ms),
        ];
        password(tx, account, &user.id, own.passwords.as_ref(), &mut row)?;
        row.push(has_device(&user.id).to_string());
        keys(tx, &user.keys, &mut row)?;
        let certificates = tx.scan(&SIGNING, Scan::prefix((account, &user.id)))?;
        for at in 0..2 {
            match certificates.get(at) {
                Some((_, found)) => row.extend([found.active.to_string(), time(found.uploaded_ms)]),
                None => row.extend(["false".to_owned(), "N/A".to_owned()]),
            }
        }
        rows.push(row.join(","));
    }
    Ok(rows.join("\n"))
}

fn password(
    tx: &ReadTx,
    account: &str,
    user_id: &str,
    rules: Option<&PasswordRules>,
    row: &mut Vec<String>,
) -> Result<()> {
    let Some(login) = tx.get(&LOGINS, (account, user_id))? else {
        row.extend(["false", "N/A", "N/A", "N/A"].map(str::to_owned));
        return Ok(());
    };
    let used = login.used_ms.map_or_else(|| "no_information".to_owned(), time);
    let next = rules.and_then(|rules| rules.age_days_max).map(i64::from);
    let next = next.map_or_else(|| "N/A".to_owned(), |days| time(login.changed_ms + days * DAY_MS));
    row.extend(["true".to_owned(), used, time(login.changed_ms), next]);
    Ok(())
}

fn keys(tx: &ReadTx, ids: &[String], row: &mut Vec<String>) -> Result<()> {
    for at in 0..2 {
        let record = match ids.get(at) {
            Some(id) => tx.get(&KEYS, id)?.map(|record| (id, record)),
            None => None,
        };
        let Some((id, record)) = record else {
            row.extend(["false", "N/A", "N/A", "N/A", "N/A"].map(str::to_owned));
            continue;
        };
        row.extend([record.active.to_string(), time(record.created_ms)]);
        match lookup::last_used(tx, id)? {
            Some(used) => row.extend([time(used.at_ms), used.region, used.service]),
            None => row.extend(["N/A", "N/A", "N/A"].map(str::to_owned)),
        }
    }
    Ok(())
}

/// `2026-11-23T01:02:03+00:00`.
fn time(ms: i64) -> String {
    let seconds = Timestamp::from_ms(ms - ms.rem_euclid(1000));
    seconds.format(TimeFormat::Iso8601).replace('Z', "+00:00")
}
