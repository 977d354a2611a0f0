"""Replication: the configuration, and objects that really arrive in other buckets."""

import json

import pytest
from conftest import ACCOUNT, error_of, eventually

OTHER = "222233334444"
TRUST = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "s3.amazonaws.com"}}


def document(*statements):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def reading(source):
    return [
        {"Effect": "Allow", "Action": ["s3:GetReplicationConfiguration", "s3:ListBucket"], "Resource": f"arn:aws:s3:::{source}"},
        {
            "Effect": "Allow",
            "Action": [f"s3:GetObjectVersion{what}" for what in ("ForReplication", "Acl", "Tagging")]
            + ["s3:GetObjectRetention", "s3:GetObjectLegalHold"],
            "Resource": f"arn:aws:s3:::{source}/*",
        },
    ]


def writing(target, *more):
    actions = ["s3:ReplicateObject", "s3:ReplicateDelete", "s3:ReplicateTags", *more]
    return {"Effect": "Allow", "Action": actions, "Resource": f"arn:aws:s3:::{target}/*"}


class Place:
    """Makes versioned buckets and roles, and takes them away."""

    def __init__(self, client, unique):
        self.client, self.unique, self.made, self.roles = client, unique, [], []
        self.iam = client("iam")

    def s3(self, region="us-east-1", account=None):
        more = {"aws_access_key_id": account} if account else {}
        return self.client("s3", region_name=region, **more)

    def bucket(self, name, region="us-east-1", account=None, versioned=True, **more):
        s3, name = self.s3(region, account), self.unique(name)
        if region != "us-east-1":
            more["CreateBucketConfiguration"] = {"LocationConstraint": region}
        s3.create_bucket(Bucket=name, **more)
        if versioned:
            s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
        self.made.append((s3, name))
        return name

    def role(self, *statements):
        name = self.unique("copies")
        role = self.iam.create_role(RoleName=name, AssumeRolePolicyDocument=document(TRUST))["Role"]["Arn"]
        self.iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=document(*statements))
        self.roles.append(name)
        return role

    def clear(self):
        for s3, name in self.made:
            s3.delete_bucket_replication(Bucket=name)
        for s3, name in self.made:
            listed = s3.list_object_versions(Bucket=name)
            for it in listed.get("Versions", []) + listed.get("DeleteMarkers", []):
                s3.delete_object(Bucket=name, Key=it["Key"], VersionId=it["VersionId"], BypassGovernanceRetention=True)
            s3.delete_bucket(Bucket=name)
        for name in self.roles:
            self.iam.delete_role_policy(RoleName=name, PolicyName="p")
            self.iam.delete_role(RoleName=name)


@pytest.fixture
def place(client, unique):
    place = Place(client, unique)
    yield place
    place.clear()


def rule(target, priority=1, markers="Enabled", **more):
    to = {"Bucket": f"arn:aws:s3:::{target}", **more.pop("to", {})}
    return {
        "ID": f"to-{target}", "Status": "Enabled", "Priority": priority, "Filter": {"Prefix": ""}, "Destination": to,
        "DeleteMarkerReplication": {"Status": markers}, **more,
    }


def replicate(s3, source, role, *rules):
    s3.put_bucket_replication(Bucket=source, ReplicationConfiguration={"Role": role, "Rules": list(rules)})


def status(s3, bucket, key, wanted, **more):
    """The head of a version, once its replication has come so far."""

    def head():
        found = s3.head_object(Bucket=bucket, Key=key, **more)
        assert found.get("ReplicationStatus") in ("PENDING", wanted), found
        return found if found["ReplicationStatus"] == wanted else None

    return eventually(head, seconds=60)


def test_the_configuration_is_checked_and_shown(place):
    s3 = place.s3()
    plain = place.bucket("plain", versioned=False)
    source, target = place.bucket("source"), place.bucket("target")
    role = f"arn:aws:iam::{ACCOUNT}:role/any"

    def refused(bucket, *rules, by=role):
        return error_of(lambda **_: replicate(s3, bucket, by, *rules))

    code, text = error_of(s3.get_bucket_replication, Bucket=source)
    assert (code, text) == ("ReplicationConfigurationNotFoundError", "The replication configuration was not found")
    s3.delete_bucket_replication(Bucket=source)
    assert error_of(s3.delete_bucket_replication, Bucket=place.unique("none"))[0] == "NoSuchBucket"
    text = "Versioning must be 'Enabled' on the bucket to apply a replication configuration"
    assert refused(plain, rule(target)) == ("InvalidRequest", text)
    assert refused(source, rule(plain)) == ("InvalidRequest", "Destination bucket must have versioning enabled.")
    assert refused(source, rule(place.unique("none"))) == ("InvalidRequest", "Destination bucket must exist.")
    assert refused(source, rule(source))[0] == "InvalidRequest"
    assert refused(source, rule(target), by="copies")[0] == "InvalidArgument"
    existing = rule(target, ExistingObjectReplication={"Status": "Enabled"})
    assert refused(source, existing)[0] == "MalformedXML"
    metrics = {"Status": "Enabled", "EventThreshold": {"Minutes": 15}}
    code, text = refused(source, rule(target, to={"Metrics": metrics}))
    assert code.startswith("NotImplemented") and "CloudWatch" in text, (code, text)
    assert refused(source, rule(target, -1))[0] == "MalformedXML"
    wanted = {
        "Role": role,
        "Rules": [
            rule(target, to={"StorageClass": "STANDARD_IA", "Account": ACCOUNT, "AccessControlTranslation": {"Owner": "Destination"}}),
            rule(target, 2, "Disabled", ID="b", Status="Disabled", Filter={"And": {"Prefix": "p", "Tags": [{"Key": "a", "Value": "b"}]}})
            | {"SourceSelectionCriteria": {"ReplicaModifications": {"Status": "Enabled"}}},
        ],
    }
    s3.put_bucket_replication(Bucket=source, ReplicationConfiguration=wanted)
    assert s3.get_bucket_replication(Bucket=source)["ReplicationConfiguration"] == wanted
    code, text = error_of(s3.put_bucket_versioning, Bucket=source, VersioningConfiguration={"Status": "Suspended"})
    assert code == "InvalidBucketState" and "replication configuration is present" in text
    s3.delete_bucket_replication(Bucket=source)
    assert error_of(s3.get_bucket_replication, Bucket=source)[0] == "ReplicationConfigurationNotFoundError"


def test_whoever_sets_it_may_pass_the_role(place, client):
    source, target = place.bucket("source"), place.bucket("target")
    name = place.unique("setter")
    place.iam.create_user(UserName=name)
    put = {"Effect": "Allow", "Action": "s3:PutReplicationConfiguration", "Resource": f"arn:aws:s3:::{source}"}
    place.iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=document(put))
    key = place.iam.create_access_key(UserName=name)["AccessKey"]
    s3 = client("s3", region_name="us-east-1", aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"])
    role = place.role(*reading(source), writing(target))
    code, text = error_of(lambda **_: replicate(s3, source, role, rule(target)))
    assert code == "AccessDenied" and "iam:PassRole" in text
    give = {"Effect": "Allow", "Action": "iam:PassRole", "Resource": role, "Condition": {"StringEquals": {"iam:PassedToService": "s3.amazonaws.com"}}}
    place.iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=document(put, give))
    replicate(s3, source, role, rule(target))
    place.iam.delete_access_key(UserName=name, AccessKeyId=key["AccessKeyId"])
    place.iam.delete_user_policy(UserName=name, PolicyName="p")
    place.iam.delete_user(UserName=name)


def test_objects_arrive_with_all_that_is_theirs(place):
    """Across regions and in the same one, in two buckets at once."""
    source, near = place.bucket("source"), place.bucket("near")
    far = place.bucket("far", "ap-northeast-2")
    s3, seoul = place.s3(), place.s3("ap-northeast-2")
    before = s3.put_object(Bucket=source, Key="before", Body=b"stays")
    role = place.role(*reading(source), writing(near), writing(far))
    replicate(s3, source, role, rule(near), rule(far, 2, "Disabled", to={"StorageClass": "STANDARD_IA"}))
    put = s3.put_object(
        Bucket=source, Key="a b/ä", Body=b"x" * 300_000, ContentType="text/x", Metadata={"m": "1"}, Tagging="t=1", CacheControl="no-store"
    )
    upload = s3.create_multipart_upload(Bucket=source, Key="parts")["UploadId"]
    parts = []
    for number, body in ((1, b"1" * (5 << 20)), (2, b"2")):
        tag = s3.upload_part(Bucket=source, Key="parts", UploadId=upload, PartNumber=number, Body=body)["ETag"]
        parts.append({"PartNumber": number, "ETag": tag})
    s3.complete_multipart_upload(Bucket=source, Key="parts", UploadId=upload, MultipartUpload={"Parts": parts})
    status(s3, source, "a b/ä", "COMPLETED")
    original = status(s3, source, "parts", "COMPLETED")
    for there, bucket, storage in ((s3, near, None), (seoul, far, "STANDARD_IA")):
        found = there.get_object(Bucket=bucket, Key="a b/ä")
        assert found["Body"].read() == b"x" * 300_000
        assert (found["VersionId"], found["ETag"]) == (put["VersionId"], put["ETag"])
        assert (found["ContentType"], found["Metadata"], found["CacheControl"]) == ("text/x", {"m": "1"}, "no-store")
        assert (found["ReplicationStatus"], found.get("StorageClass"), found["TagCount"]) == ("REPLICA", storage, 1)
        assert there.get_object_tagging(Bucket=bucket, Key="a b/ä")["TagSet"] == [{"Key": "t", "Value": "1"}]
        whole = there.get_object(Bucket=bucket, Key="parts")
        assert (whole["ETag"], whole["LastModified"]) == (original["ETag"], original["LastModified"])
        body = whole["Body"].read()
        assert (len(body), body[-2:]) == ((5 << 20) + 1, b"12")
        assert there.get_object(Bucket=bucket, Key="parts", PartNumber=2)["PartsCount"] == 2
    # What was there before stays.
    assert "ReplicationStatus" not in s3.head_object(Bucket=source, Key="before", VersionId=before["VersionId"])
    assert error_of(s3.get_object, Bucket=near, Key="before")[0] == "NoSuchKey"
    # Changes go on; a version that is deleted for good is deleted only there.
    s3.put_object_tagging(Bucket=source, Key="a b/ä", Tagging={"TagSet": [{"Key": "t", "Value": "2"}]})
    eventually(lambda: s3.get_object_tagging(Bucket=near, Key="a b/ä")["TagSet"] == [{"Key": "t", "Value": "2"}], seconds=60)
    eventually(lambda: seoul.get_object_tagging(Bucket=far, Key="a b/ä")["TagSet"] == [{"Key": "t", "Value": "2"}], seconds=60)
    marker = s3.delete_object(Bucket=source, Key="parts")["VersionId"]
    eventually(lambda: s3.list_object_versions(Bucket=near, Prefix="parts").get("DeleteMarkers"), seconds=60)
    found = s3.list_object_versions(Bucket=near, Prefix="parts")
    assert [(it["VersionId"], it["IsLatest"]) for it in found["DeleteMarkers"]] == [(marker, True)]
    assert error_of(s3.get_object, Bucket=near, Key="parts")[0] == "NoSuchKey"
    assert seoul.head_object(Bucket=far, Key="parts")["ReplicationStatus"] == "REPLICA"
    s3.delete_object(Bucket=source, Key="parts", VersionId=original["VersionId"])
    assert s3.head_object(Bucket=near, Key="parts", VersionId=original["VersionId"])["ContentLength"] == (5 << 20) + 1


def test_versions_stand_in_the_order_of_their_times(place):
    source, target = place.bucket("source"), place.bucket("target")
    s3 = place.s3()
    role = place.role(*reading(source), writing(target))
    replicate(s3, source, role, rule(target))
    made = []
    for at in range(6):
        s3.put_object(Bucket=target, Key="k", Body=b"own")
        made.append(s3.put_object(Bucket=source, Key="k", Body=str(at).encode())["VersionId"])
    status(s3, source, "k", "COMPLETED")
    for version in made:
        status(s3, source, "k", "COMPLETED", VersionId=version)
    listed = s3.list_object_versions(Bucket=target)["Versions"]
    assert len(listed) == 12 and len({it["VersionId"] for it in listed}) == 12
    assert [it["VersionId"] for it in listed if it["VersionId"] in made] == made[::-1]
    for at, version in enumerate(made):
        assert s3.get_object(Bucket=target, Key="k", VersionId=version)["Body"].read() == str(at).encode()
    for it in listed:
        s3.delete_object(Bucket=target, Key="k", VersionId=it["VersionId"])
    assert "Versions" not in s3.list_object_versions(Bucket=target)


def test_filters_and_priorities(place):
    source, one, two = place.bucket("source"), place.bucket("one"), place.bucket("two")
    s3 = place.s3()
    role = place.role(*reading(source), writing(one), writing(two))
    replicate(
        s3, source, role,
        rule(one, 1, Filter={"Prefix": "p/"}),
        rule(two, 2, "Disabled", Filter={"Tag": {"Key": "go", "Value": "yes"}}),
    )
    s3.put_object(Bucket=source, Key="p/a", Body=b"1")
    s3.put_object(Bucket=source, Key="p/b", Body=b"1", Tagging="go=yes")
    s3.put_object(Bucket=source, Key="c", Body=b"1", Tagging="go=yes")
    s3.put_object(Bucket=source, Key="d", Body=b"1", Tagging="go=no")
    for key in ("p/a", "p/b", "c"):
        status(s3, source, key, "COMPLETED")
    assert "ReplicationStatus" not in s3.head_object(Bucket=source, Key="d")
    keys = lambda bucket: [it["Key"] for it in s3.list_objects_v2(Bucket=bucket).get("Contents", [])]
    assert (keys(one), keys(two)) == (["p/a", "p/b"], ["c", "p/b"])


def test_a_role_that_may_not_is_a_failure_that_is_told(place, client, unique):
    source, target = place.bucket("source"), place.bucket("target")
    s3, sqs = place.s3(), client("sqs", region_name="us-east-1")
    queue = sqs.create_queue(QueueName=unique("failures"))["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    let_in = {"Effect": "Allow", "Principal": {"Service": "s3.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": arn}
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": document(let_in)})
    configuration = {"QueueConfigurations": [{"QueueArn": arn, "Events": ["s3:Replication:*"]}]}
    s3.put_bucket_notification_configuration(Bucket=source, NotificationConfiguration=configuration)
    no_tags = {"Effect": "Allow", "Action": "s3:ReplicateObject", "Resource": f"arn:aws:s3:::{target}/*"}
    role = place.role(*reading(source), no_tags)
    replicate(s3, source, role, rule(target))
    s3.put_object(Bucket=source, Key="plain", Body=b"1")
    s3.put_object(Bucket=source, Key="tagged", Body=b"1", Tagging="a=b")
    status(s3, source, "plain", "COMPLETED")
    status(s3, source, "tagged", "FAILED")
    assert error_of(s3.get_object, Bucket=target, Key="tagged")[0] == "NoSuchKey"

    def told():
        for message in sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10, WaitTimeSeconds=1).get("Messages", []):
            body = json.loads(message["Body"])
            if "Records" in body:
                return body["Records"][0]
        return None

    record = eventually(told, seconds=60)
    assert record["eventName"] == "Replication:OperationFailedReplication"
    assert record["s3"]["object"]["key"] == "tagged"
    data = record["replicationEventData"]
    assert data["replicationRuleId"] == f"to-{target}" and data["destinationBucket"] == f"arn:aws:s3:::{target}"
    assert data["failureReason"] == "DstPutTaggingNotPermitted"
    # A role that does not trust S3, and one that is not there.
    for broken in (f"arn:aws:iam::{ACCOUNT}:role/test", f"arn:aws:iam::{ACCOUNT}:role/{unique('none')}"):
        replicate(s3, source, broken, rule(target))
        s3.put_object(Bucket=source, Key="later", Body=b"1")
        status(s3, source, "later", "FAILED")
    sqs.delete_queue(QueueUrl=queue)


def test_across_accounts_the_other_bucket_must_agree(place):
    source = place.bucket("source")
    target = place.bucket("target", account=OTHER)
    s3, theirs = place.s3(), place.s3(account=OTHER)
    role = place.role(*reading(source), writing(target, "s3:ObjectOwnerOverrideToBucketOwner"))
    translated = {"Account": OTHER, "AccessControlTranslation": {"Owner": "Destination"}}
    replicate(s3, source, role, rule(target, to=translated))
    s3.put_object(Bucket=source, Key="k", Body=b"1")
    status(s3, source, "k", "FAILED")
    agreed = {
        "Effect": "Allow", "Principal": {"AWS": role}, "Resource": f"arn:aws:s3:::{target}/*",
        "Action": ["s3:ReplicateObject", "s3:ReplicateDelete", "s3:ReplicateTags", "s3:ObjectOwnerOverrideToBucketOwner"],
    }
    theirs.put_bucket_policy(Bucket=target, Policy=document(agreed))
    s3.put_object(Bucket=source, Key="k", Body=b"2")
    status(s3, source, "k", "COMPLETED")
    assert theirs.get_object(Bucket=target, Key="k")["Body"].read() == b"2"
    owner = theirs.list_buckets()["Owner"]["ID"]
    assert theirs.get_object_acl(Bucket=target, Key="k")["Owner"]["ID"] == owner
    # The bucket must be the account's that the rule names.
    replicate(s3, source, role, rule(target, to={"Account": "333344445555"}))
    s3.put_object(Bucket=source, Key="k", Body=b"3")
    status(s3, source, "k", "FAILED")


def test_keys_of_kms(place, client):
    source = place.bucket("source")
    target = place.bucket("target", "ap-northeast-2")
    s3, seoul = place.s3(), place.s3("ap-northeast-2")
    here, there = client("kms", region_name="us-east-1"), client("kms", region_name="ap-northeast-2")
    old, new = (kms.create_key()["KeyMetadata"]["Arn"] for kms in (here, there))
    via = lambda region: {"StringLike": {"kms:ViaService": f"s3.{region}.amazonaws.com"}}
    opens = {"Effect": "Allow", "Action": "kms:Decrypt", "Resource": old, "Condition": via("us-east-1")}
    seals = {"Effect": "Allow", "Action": "kms:Encrypt", "Resource": new, "Condition": via("ap-northeast-2")}
    role = place.role(*reading(source), writing(target), opens, seals)
    selected = {"SourceSelectionCriteria": {"SseKmsEncryptedObjects": {"Status": "Enabled"}}}
    encrypted = {"EncryptionConfiguration": {"ReplicaKmsKeyID": new}}
    replicate(s3, source, role, rule(target))
    sealed = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": old}
    s3.put_object(Bucket=source, Key="not", Body=b"1", **sealed)
    assert "ReplicationStatus" not in s3.head_object(Bucket=source, Key="not")
    replicate(s3, source, role, rule(target, to=encrypted, **selected))
    s3.put_object(Bucket=source, Key="k", Body=b"secret" * 50_000, **sealed)
    s3.put_object(Bucket=source, Key="plain", Body=b"1")
    customer = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": "k" * 32}
    s3.put_object(Bucket=source, Key="own", Body=b"mine", **customer)
    status(s3, source, "k", "COMPLETED")
    status(s3, source, "plain", "COMPLETED")
    status(s3, source, "own", "COMPLETED", **customer)
    found = seoul.get_object(Bucket=target, Key="k")
    assert (found["ServerSideEncryption"], found["SSEKMSKeyId"]) == ("aws:kms", new)
    assert found["Body"].read() == b"secret" * 50_000
    assert seoul.head_object(Bucket=target, Key="plain")["ServerSideEncryption"] == "AES256"
    assert seoul.get_object(Bucket=target, Key="own", **customer)["Body"].read() == b"mine"
    # The old key is not needed any more, the new one is.
    here.disable_key(KeyId=old)
    assert seoul.get_object(Bucket=target, Key="k")["Body"].read() == b"secret" * 50_000
    here.enable_key(KeyId=old)
    there.disable_key(KeyId=new)
    assert error_of(seoul.get_object, Bucket=target, Key="k")[0] == "KMS.DisabledException"
    s3.put_object(Bucket=source, Key="k", Body=b"2", **sealed)
    status(s3, source, "k", "FAILED")


def test_replicas_go_no_further_unless_they_are_changed(place):
    one, two, three = place.bucket("one"), place.bucket("two"), place.bucket("three")
    s3 = place.s3()
    role = place.role(*reading(one), *reading(two), writing(one), writing(two), writing(three))
    both = {"SourceSelectionCriteria": {"ReplicaModifications": {"Status": "Enabled"}}}
    replicate(s3, one, role, rule(two, **both))
    replicate(s3, two, role, rule(one, **both), rule(three, 2))
    version = s3.put_object(Bucket=one, Key="k", Body=b"1")["VersionId"]
    status(s3, one, "k", "COMPLETED")
    assert s3.head_object(Bucket=two, Key="k")["ReplicationStatus"] == "REPLICA"
    s3.put_object_tagging(Bucket=two, Key="k", Tagging={"TagSet": [{"Key": "t", "Value": "two"}]})
    eventually(lambda: s3.get_object_tagging(Bucket=one, Key="k")["TagSet"] == [{"Key": "t", "Value": "two"}], seconds=60)
    # The other way round, after all that: one object each, none in the third bucket.
    s3.put_object(Bucket=two, Key="l", Body=b"2")
    status(s3, two, "l", "COMPLETED")
    assert s3.head_object(Bucket=one, Key="l")["ReplicationStatus"] == "REPLICA"
    assert s3.head_object(Bucket=three, Key="l")["ReplicationStatus"] == "REPLICA"
    assert error_of(s3.head_object, Bucket=three, Key="k")[0] == "404"
    for bucket in (one, two):
        found = s3.list_object_versions(Bucket=bucket, Prefix="k")["Versions"]
        assert [it["VersionId"] for it in found] == [version]


def test_locks_are_copied(place):
    source = place.bucket("source", ObjectLockEnabledForBucket=True)
    loose, target = place.bucket("loose"), place.bucket("target", ObjectLockEnabledForBucket=True)
    s3 = place.s3()
    role = place.role(*reading(source), writing(target))
    assert error_of(lambda **_: replicate(s3, source, role, rule(loose)))[0] == "InvalidRequest"
    replicate(s3, source, role, rule(target))
    lock = {"ObjectLockMode": "GOVERNANCE", "ObjectLockRetainUntilDate": "2099-01-01T00:00:00Z"}
    version = s3.put_object(Bucket=source, Key="k", Body=b"1", **lock)["VersionId"]
    status(s3, source, "k", "COMPLETED")
    assert s3.head_object(Bucket=target, Key="k")["ObjectLockMode"] == "GOVERNANCE"
    assert error_of(s3.delete_object, Bucket=target, Key="k", VersionId=version)[0] == "AccessDenied"
    s3.put_object_legal_hold(Bucket=source, Key="k", LegalHold={"Status": "ON"})
    eventually(lambda: s3.head_object(Bucket=target, Key="k").get("ObjectLockLegalHoldStatus") == "ON", seconds=60)
    s3.put_object_legal_hold(Bucket=source, Key="k", LegalHold={"Status": "OFF"})
    eventually(lambda: s3.head_object(Bucket=target, Key="k")["ObjectLockLegalHoldStatus"] == "OFF", seconds=60)
    status(s3, source, "k", "COMPLETED")
