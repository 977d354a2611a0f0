//! AWS-managed keys: a service's own key in an account and region, there from its first use.

use api_kms::{Error, KeySpec};
use kernel::Ctx;

use crate::find::Place;
use crate::material;
use crate::policy;
use crate::record::{ALIASES, ALIASES_OF, AliasRecord, KEYS, KeyRecord, Ring};

/// Services with a managed key: the alias's end and the service's name in `kms:ViaService`.
pub(crate) const SERVICES: [(&str, &str); 24] = [
    ("acm", "acm"),
    ("backup", "backup"),
    ("codecommit", "codecommit"),
    ("connect", "connect"),
    ("dms", "dms"),
    ("dynamodb", "dynamodb"),
    ("ebs", "ec2"),
    ("elasticfilesystem", "elasticfilesystem"),
    ("es", "es"),
    ("fsx", "fsx"),
    ("glue", "glue"),
    ("kafka", "kafka"),
    ("kinesis", "kinesis"),
    ("kinesisvideo", "kinesisvideo"),
    ("lambda", "lambda"),
    ("rds", "rds"),
    ("redshift", "redshift"),
    ("s3", "s3"),
    ("secretsmanager", "secretsmanager"),
    ("sns", "sns"),
    ("sqs", "sqs"),
    ("ssm", "ssm"),
    ("workspaces", "workspaces"),
    ("xray", "xray"),
];

/// The alias of a managed key: `alias/aws/s3` gives the service's entry.
pub(crate) fn service(alias: &str) -> Option<&'static (&'static str, &'static str)> {
    let end = alias.strip_prefix("alias/aws/")?;
    SERVICES.iter().find(|(name, _)| *name == end)
}

/// Makes the managed key of this alias if the alias is one and the key is not there yet.
pub(crate) async fn ensure(
    ctx: &Ctx,
    account: &str,
    region: &str,
    alias: &str,
) -> Result<(), Error> {
    let Some((end, via)) = service(alias) else { return Ok(()) };
    // Another account's keys come into being by what that account does.
    if account != ctx.account()
        || ctx.store().read(|tx| tx.contains(&ALIASES, (account, region, alias)))?
    {
        return Ok(());
    }
    let id = ctx.random().uuid();
    let place = Place { account: account.to_owned(), region: region.to_owned(), id };
    let now_ms = ctx.now().epoch_ms;
    let mut ring = Ring::default();
    let material = material::generate(ctx, &place, &KeySpec::SymmetricDefault).await?;
    ring.install(material, None, now_ms);
    let record = KeyRecord {
        created_ms: now_ms,
        description: format!(
            "Default key that protects my {end} data when no other key is defined"
        ),
        usage: "ENCRYPT_DECRYPT".into(),
        spec: KeySpec::SymmetricDefault.as_str().into(),
        external: false,
        managed: true,
        enabled: true,
        deletion: None,
        multi_region: None,
        policy: policy::of_managed(account, region, end, via),
        tags: Default::default(),
        has_material: true,
        valid_to_ms: None,
    };
    let named = AliasRecord { key_id: place.id.clone(), created_ms: now_ms, updated_ms: now_ms };
    ctx.store()
        .write(|tx| {
            if tx.contains(&ALIASES, (account, region, alias))? {
                return Ok(());
            }
            crate::rotate::schedule_first(tx, &place, &mut ring.clone(), &record, now_ms)?;
            tx.put(&KEYS, place.key(), &record)?;
            tx.put(&ALIASES, (account, region, alias), &named)?;
            Ok(tx.put(&ALIASES_OF, (account, region, &place.id, alias), &())?)
        })
        .await
}
