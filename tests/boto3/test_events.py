"""EventBridge: buses, rules, targets that are really called, schedules, and S3's events."""

import datetime
import json

import pytest
from conftest import ACCOUNT, REGION, error_of, eventually
from test_lambda import deploy, functions  # noqa: F401  (fixtures)

OTHER = "111122223333"


@pytest.fixture
def events(client):
    return client("events")


@pytest.fixture
def bus(events, unique):
    """Makes buses that go away with the test."""
    made = []

    def make(**settings):
        name = unique("bus")
        events.create_event_bus(Name=name, **settings)
        made.append(name)
        return name

    yield make
    for name in made:
        events.delete_event_bus(Name=name)


@pytest.fixture
def queue(client, unique):
    """A queue that EventBridge may send to: its ARN, and what reads it."""
    made = []

    def make(fifo=False, principal=None, region=REGION, condition=None, **attributes):
        sqs = client("sqs", region_name=region)
        name = unique("q") + (".fifo" if fifo else "")
        arn = f"arn:aws:sqs:{region}:{ACCOUNT}:{name}"
        statement = {
            "Effect": "Allow", "Principal": {"Service": principal or "events.amazonaws.com"},
            "Action": "sqs:SendMessage", "Resource": arn,
        }
        if condition:
            statement["Condition"] = condition
        if fifo:
            attributes |= {"FifoQueue": "true", "ContentBasedDeduplication": "true"}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        url = sqs.create_queue(QueueName=name, Attributes={"Policy": policy, **attributes})["QueueUrl"]
        made.append((sqs, url))

        def read(wait=10):
            found = sqs.receive_message(
                QueueUrl=url, WaitTimeSeconds=wait, MaxNumberOfMessages=10,
                AttributeNames=["All"], MessageAttributeNames=["All"],
            ).get("Messages", [])
            for message in found:
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            return found

        return arn, read

    yield make
    for sqs, url in made:
        sqs.delete_queue(QueueUrl=url)


@pytest.fixture
def rule(events, unique):
    """Makes rules with targets that go away with the test; returns name and ARN."""
    made = []

    def make(*targets, bus="default", pattern={"source": ["desk"]}, **settings):
        name = unique("rule")
        if pattern:
            settings["EventPattern"] = json.dumps(pattern)
        arn = events.put_rule(Name=name, EventBusName=bus, **settings)["RuleArn"]
        made.append((name, bus))
        targets = [{"Id": str(n), **target} for n, target in enumerate(targets)]
        if targets:
            answer = events.put_targets(Rule=name, EventBusName=bus, Targets=targets)
            assert (answer["FailedEntryCount"], answer["FailedEntries"]) == (0, [])
        return name, arn

    yield make
    for name, bus in made:
        try:
            ids = [it["Id"] for it in events.list_targets_by_rule(Rule=name, EventBusName=bus)["Targets"]]
            if ids:
                events.remove_targets(Rule=name, EventBusName=bus, Ids=ids)
            events.delete_rule(Name=name, EventBusName=bus)
        except events.exceptions.ResourceNotFoundException:
            pass


def put(events, detail={"n": 1}, bus="default", source="desk", kind="Call", **more):
    entry = {"Source": source, "DetailType": kind, "Detail": json.dumps(detail), "EventBusName": bus, **more}
    answer = events.put_events(Entries=[entry])
    assert answer["FailedEntryCount"] == 0, answer
    return answer["Entries"][0]["EventId"]


def test_an_event_reaches_a_queue(events, bus, queue, rule):
    on, (arn, read) = bus(), queue()
    rule({"Arn": arn}, bus=on, pattern={"source": ["desk"], "detail": {"n": [{"numeric": [">", 5]}]}})
    put(events, {"n": 5}, on)
    at = datetime.datetime(2026, 1, 2, 3, 4, 5, tzinfo=datetime.timezone.utc)
    event_id = put(events, {"n": 6, "텍스트": "안녕"}, on, Time=at, Resources=["arn:aws:x:::y"])
    [message] = read()
    assert json.loads(message["Body"]) == {
        "version": "0", "id": event_id, "detail-type": "Call", "source": "desk", "account": ACCOUNT,
        "time": "2026-01-02T03:04:05Z", "region": REGION, "resources": ["arn:aws:x:::y"],
        "detail": {"n": 6, "텍스트": "안녕"},
    }
    assert read(1) == []


def test_an_event_reaches_a_function_a_topic_and_a_log(events, client, bus, queue, rule, deploy, functions, unique):  # noqa: F811
    on, (told, read_told), (heard, read_heard) = bus(), queue(principal="lambda.amazonaws.com"), queue(principal="sns.amazonaws.com")
    name = deploy("def handler(event, context):\n    return event\n", Timeout=30)
    functions.put_function_event_invoke_config(FunctionName=name, DestinationConfig={"OnSuccess": {"Destination": told}})
    function = functions.get_function(FunctionName=name)["Configuration"]["FunctionArn"]
    sns, logs = client("sns"), client("logs")
    topic = sns.create_topic(Name=unique("t"))["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=heard, Attributes={"RawMessageDelivery": "true"})
    group = "/aws/events/" + unique("g")
    logs.create_log_group(logGroupName=group)
    log = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{group}"
    _, rule_arn = rule(
        {"Arn": function, "InputPath": "$.detail"}, {"Arn": topic, "Input": '{"what": "constant"}'}, {"Arn": log}, bus=on
    )
    # Each only if its policy lets EventBridge in for this rule.
    functions.add_permission(
        FunctionName=name, StatementId="e", Action="lambda:InvokeFunction", Principal="events.amazonaws.com", SourceArn=rule_arn
    )
    statement = {
        "Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sns:Publish",
        "Resource": topic, "Condition": {"ArnEquals": {"aws:SourceArn": rule_arn}},
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=policy)
    statement |= {"Action": ["logs:CreateLogStream", "logs:PutLogEvents"], "Resource": log + ":*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    logs.put_resource_policy(policyName=group.split("/")[-1], policyDocument=policy)
    event_id = put(events, {"pnr": "X1"}, on)
    [message] = read_heard()
    assert json.loads(message["Body"]) == {"what": "constant"}
    [message] = eventually(lambda: read_told(5), 60)
    assert json.loads(message["Body"])["requestPayload"] == {"pnr": "X1"}
    lines = eventually(lambda: logs.filter_log_events(logGroupName=group)["events"])
    assert [json.loads(line["message"])["id"] for line in lines] == [event_id]
    sns.delete_topic(TopicArn=topic)
    logs.delete_resource_policy(policyName=group.split("/")[-1])


def test_who_is_not_let_in_is_buried(events, queue, rule, bus):
    on, (dead, read) = bus(), queue()
    closed, read_closed = queue(principal="s3.amazonaws.com")
    wrong, _ = queue(condition={"ArnEquals": {"aws:SourceArn": f"arn:aws:events:{REGION}:{ACCOUNT}:rule/other"}})
    gone = f"arn:aws:sqs:{REGION}:{ACCOUNT}:gone"
    letters = {"DeadLetterConfig": {"Arn": dead}}
    targets = [{"Arn": arn, **letters} for arn in (closed, wrong, gone)]
    _, rule_arn = rule(*targets, bus=on)
    event_id = put(events, bus=on)
    found = []
    eventually(lambda: found.extend(read(1)) or len(found) >= 3)
    said = {it["MessageAttributes"]["TARGET_ARN"]["StringValue"]: it for it in found}
    assert set(said) == {closed, wrong, gone}
    for arn, message in said.items():
        attributes = {name: value["StringValue"] for name, value in message["MessageAttributes"].items()}
        assert attributes["RULE_ARN"] == rule_arn
        assert attributes["ERROR_CODE"] == ("NO_RESOURCE" if arn == gone else "NO_PERMISSIONS"), arn
        assert attributes["RETRY_ATTEMPTS"] == "0" and "EXHAUSTED_RETRY_CONDITION" not in attributes
        assert json.loads(message["Body"])["id"] == event_id
    assert read_closed(1) == []


def test_fifo_queues_and_transformers(events, queue, rule, bus):
    on, (arn, read) = bus(), queue(fifo=True)
    transformer = {
        "InputPathsMap": {"who": "$.detail.who", "all": "$.detail"},
        "InputTemplate": '{"text": "<who> of <aws.events.rule-name>", "all": <all>, "none": <who>}',
    }
    target = {"Arn": arn, "SqsParameters": {"MessageGroupId": "g"}, "InputTransformer": transformer}
    name, _ = rule(target, bus=on)
    put(events, {"who": 'a "b"'}, on)
    [message] = read()
    assert message["Attributes"]["MessageGroupId"] == "g"
    assert json.loads(message["Body"]) == {"text": f'a "b" of {name}', "all": {"who": 'a "b"'}, "none": 'a "b"'}
    [shown] = events.list_targets_by_rule(Rule=name, EventBusName=on)["Targets"]
    assert shown == {"Id": "0", **target}


def test_roles(events, client, queue, rule, bus, unique):
    iam, on, role = client("iam"), bus(), unique("role")
    arn, read = queue(principal="s3.amazonaws.com")
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "events.amazonaws.com"}}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    role_arn = iam.create_role(RoleName=role, AssumeRolePolicyDocument=document)["Role"]["Arn"]
    dead, read_dead = queue()
    rule({"Arn": arn, "RoleArn": role_arn, "DeadLetterConfig": {"Arn": dead}}, bus=on)
    put(events, bus=on)
    [message] = read_dead()
    assert message["MessageAttributes"]["ERROR_CODE"]["StringValue"] == "NO_PERMISSIONS"
    allowed = {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": arn}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    iam.put_role_policy(RoleName=role, PolicyName="send", PolicyDocument=policy)
    put(events, bus=on)
    assert len(read()) == 1
    iam.delete_role_policy(RoleName=role, PolicyName="send")
    iam.delete_role(RoleName=role)
    put(events, bus=on)
    [message] = read_dead()
    assert message["MessageAttributes"]["ERROR_CODE"]["StringValue"] == "FAILED_TO_ASSUME_ROLE"


def test_buses_hand_on_to_buses(events, queue, rule, bus):
    first, second = bus(), bus()
    arn, read = queue()
    to = events.describe_event_bus(Name=second)["Arn"]
    back = events.describe_event_bus(Name=first)["Arn"]
    rule({"Arn": to}, bus=first)
    # A circle ends.
    rule({"Arn": arn}, {"Arn": back}, bus=second)
    event_id = put(events, bus=first)
    found = []
    eventually(lambda: found.extend(read(1)) or len(found) == 3)
    assert {json.loads(message["Body"])["id"] for message in found} == {event_id}
    assert read(2) == []


def test_other_accounts(events, client, queue, rule, bus, unique):
    theirs = client("events", aws_access_key_id=OTHER)
    on, (arn, read) = bus(), queue()
    rule({"Arn": arn}, bus=on, pattern={"account": [OTHER]})
    bus_arn = events.describe_event_bus(Name=on)["Arn"]
    entry = {"Source": "desk", "DetailType": "Call", "Detail": "{}", "EventBusName": bus_arn}
    code, message = error_of(theirs.put_events, Entries=[entry])
    assert code == "AccessDeniedException" and "events:PutEvents" in message
    events.put_permission(EventBusName=on, Action="events:PutEvents", Principal=OTHER, StatementId="s")
    [event_id] = [it["EventId"] for it in theirs.put_events(Entries=[entry])["Entries"]]
    [message] = read()
    assert (json.loads(message["Body"])["id"], json.loads(message["Body"])["account"]) == (event_id, OTHER)
    # By a rule of theirs, too; and not any more.
    name = unique("far")
    theirs.put_rule(Name=name, EventPattern='{"source": ["far"]}')
    theirs.put_targets(Rule=name, Targets=[{"Id": "1", "Arn": bus_arn}])
    put(theirs, source="far")
    [message] = read()
    assert json.loads(message["Body"])["source"] == "far"
    events.remove_permission(EventBusName=on, StatementId="s")
    assert "Policy" not in events.describe_event_bus(Name=on)
    assert error_of(theirs.put_events, Entries=[entry])[0] == "AccessDeniedException"
    put(theirs, source="far")
    assert read(2) == []
    theirs.remove_targets(Rule=name, Ids=["1"])
    theirs.delete_rule(Name=name)
    code, _ = error_of(theirs.put_rule, Name="x", EventPattern='{"source": ["a"]}', EventBusName=bus_arn)
    assert code in ("AccessDeniedException", "NotImplementedException")


def test_entries_fail_one_by_one(events, bus, rule, queue):
    on, (arn, read) = bus(), queue()
    rule({"Arn": arn}, bus=on)
    fine = {"Source": "desk", "DetailType": "t", "Detail": "{}", "EventBusName": on}
    bad = [
        {**fine, "Source": ""}, {"Source": "s", "Detail": "{}"}, {"Source": "s", "DetailType": "t"},
        {**fine, "Detail": "[1]"}, {**fine, "Detail": "{"}, {**fine, "Source": "aws.desk"},
        {**fine, "EventBusName": "nowhere"},
    ]
    answer = events.put_events(Entries=[*bad, fine])
    assert answer["FailedEntryCount"] == len(bad)
    assert [(it.get("ErrorCode"), it.get("ErrorMessage")) for it in answer["Entries"]] == [
        ("InvalidArgument", "Parameter Source is not valid. Reason: Source is a required argument."),
        ("InvalidArgument", "Parameter DetailType is not valid. Reason: DetailType is a required argument."),
        ("InvalidArgument", "Parameter Detail is not valid. Reason: Detail is a required argument."),
        ("MalformedDetail", "Detail is malformed."),
        ("MalformedDetail", "Detail is malformed."),
        ("NotAuthorizedForSourceException", "Not authorized for the source."),
        ("ResourceNotFoundException", "Event bus nowhere does not exist."),
        (None, None),
    ]
    assert len(read()) == 1
    code, message = error_of(events.put_events, Entries=[fine] * 11)
    assert code == "ValidationException" and "less than or equal to 10" in message
    big = {**fine, "Detail": json.dumps({"a": "x" * 100_000})}
    code, message = error_of(events.put_events, Entries=[big] * 3)
    assert (code, message) == ("ValidationException", "Total size of the entries in the request is over the limit.")


def test_rules_and_targets_are_kept(events, bus, rule, queue):
    on, (arn, _) = bus(Description="of tests", Tags=[{"Key": "team", "Value": "desk"}]), queue()
    name, rule_arn = rule({"Arn": arn}, bus=on, Description="d", State="DISABLED", Tags=[{"Key": "a", "Value": "b"}])
    assert rule_arn == f"arn:aws:events:{REGION}:{ACCOUNT}:rule/{on}/{name}"
    shown = events.describe_rule(Name=name, EventBusName=on)
    shown.pop("ResponseMetadata")
    assert shown == {
        "Name": name, "Arn": rule_arn, "EventPattern": '{"source": ["desk"]}', "State": "DISABLED",
        "Description": "d", "EventBusName": on, "CreatedBy": ACCOUNT,
    }
    events.enable_rule(Name=name, EventBusName=on)
    assert [it["State"] for it in events.list_rules(EventBusName=on)["Rules"]] == ["ENABLED"]
    assert events.list_rule_names_by_target(TargetArn=arn, EventBusName=on)["RuleNames"] == [name]
    assert events.list_tags_for_resource(ResourceARN=rule_arn)["Tags"] == [{"Key": "a", "Value": "b"}]
    events.tag_resource(ResourceARN=rule_arn, Tags=[{"Key": "c", "Value": "d"}])
    events.untag_resource(ResourceARN=rule_arn, TagKeys=["a"])
    assert events.list_tags_for_resource(ResourceARN=rule_arn)["Tags"] == [{"Key": "c", "Value": "d"}]
    assert error_of(events.delete_rule, Name=name, EventBusName=on) == (
        "ValidationException", "Rule can't be deleted since it has targets.",
    )
    answer = events.remove_targets(Rule=name, EventBusName=on, Ids=["0", "9"])
    assert [it["TargetId"] for it in answer["FailedEntries"]] == ["9"]
    events.delete_rule(Name=name, EventBusName=on)
    assert error_of(events.describe_rule, Name=name, EventBusName=on) == (
        "ResourceNotFoundException", f"Rule {name} does not exist on EventBus {on}.",
    )
    assert "default" in [it["Name"] for it in events.list_event_buses()["EventBuses"]]
    assert events.describe_event_bus(Name=on)["Description"] == "of tests"
    assert error_of(events.create_event_bus, Name=on)[0] == "ResourceAlreadyExistsException"
    assert error_of(events.delete_event_bus, Name="default")[0] == "ValidationException"
    assert error_of(events.list_rules, EventBusName="nowhere")[0] == "ResourceNotFoundException"
    events.update_event_bus(Name=on, Description="new")
    assert events.describe_event_bus(Name=on)["Description"] == "new"


def test_pages(events, bus, rule):
    on = bus()
    names = sorted(rule(bus=on)[0] for _ in range(3))
    first = events.list_rules(EventBusName=on, Limit=2)
    second = events.list_rules(EventBusName=on, Limit=2, NextToken=first["NextToken"])
    assert [it["Name"] for it in first["Rules"] + second["Rules"]] == names and "NextToken" not in second


@pytest.mark.parametrize(
    "settings,code,text",
    [
        ({}, "ValidationException", "Parameter(s) EventPattern or ScheduleExpression must be specified."),
        ({"EventPattern": "{"}, "InvalidEventPatternException", "Event pattern is not valid. Reason: "),
        ({"EventPattern": '{"a": "b"}'}, "InvalidEventPatternException", 'Reason: "a" must be an object or an array'),
        ({"EventPattern": '{"a": [{"b": 1}]}'}, "InvalidEventPatternException", "Reason: Unrecognized match type b"),
        ({"ScheduleExpression": "rate(1 minutes)"}, "ValidationException", "Parameter ScheduleExpression is not valid."),
        ({"ScheduleExpression": "cron(* * * * * *)"}, "ValidationException", "Parameter ScheduleExpression is not valid."),
    ],
)
def test_bad_rules(events, settings, code, text):
    found = error_of(events.put_rule, Name="bad", **settings)
    assert found[0] == code and text in found[1]


def test_bad_targets(events, rule, bus):
    name, _ = rule(bus=(on := bus()))
    refused = lambda **target: error_of(events.put_targets, Rule=name, EventBusName=on, Targets=[{"Id": "1", **target}])
    code, message = refused(Arn=f"arn:aws:kinesis:{REGION}:{ACCOUNT}:stream/s")
    assert code == "NotImplementedException" and "kinesis" in message
    assert refused(Arn="x") == (
        "ValidationException", "Parameter x is not valid. Reason: Provided Arn is not in correct format.",
    )
    assert refused(Arn=f"arn:aws:sqs:{REGION}:{ACCOUNT}:q.fifo") == (
        "ValidationException", "Parameter(s) SqsParameters must be specified for target: 1.",
    )
    on_other = error_of(events.put_rule, Name="r", EventBusName=on, ScheduleExpression="rate(1 day)")
    assert on_other == ("ValidationException", "ScheduleExpression is supported only on the default event bus.")
    assert events.list_targets_by_rule(Rule=name, EventBusName=on)["Targets"] == []


@pytest.mark.parametrize(
    "pattern,expected",
    [
        # The cases of the guide's chapter on comparison operators.
        ({"detail": {"state": ["running"]}}, True),
        ({"detail": {"state": [{"anything-but": ["stopped", "overloaded"]}]}}, True),
        ({"detail": {"file": [{"suffix": {"equals-ignore-case": ".PNG"}}]}}, True),
        ({"detail": {"ip": [{"cidr": "10.0.0.0/24"}]}}, True),
        ({"detail": {"n": [{"numeric": [">", 0, "<=", 5]}]}}, True),
        ({"detail": {"n": [{"numeric": [">", 5]}]}}, False),
        ({"detail": {"none": [{"exists": False}]}}, True),
        ({"detail": {"file": [{"wildcard": "a/*/c.png"}]}}, True),
        ({"detail": {"$or": [{"n": [9]}, {"state": ["running"]}]}}, True),
        ({"resources": ["two"]}, True),
        ({"source": [{"prefix": {"equals-ignore-case": "DE"}}]}, True),
        ({"detail": {"state": [{"anything-but": {"prefix": "run"}}]}}, False),
    ],
)
def test_patterns(events, pattern, expected):
    event = {
        "id": "1", "account": ACCOUNT, "source": "desk", "time": "2026-01-01T00:00:00Z", "region": REGION,
        "resources": ["one", "two"], "detail-type": "t",
        "detail": {"state": "running", "file": "a/b/c.png", "ip": "10.0.0.7", "n": 3},
    }
    answer = events.test_event_pattern(EventPattern=json.dumps(pattern), Event=json.dumps(event))
    assert answer["Result"] is expected


def test_archives_are_replayed(events, bus, queue, rule, unique):
    on, (arn, read), (other, read_other) = bus(), queue(), queue()
    bus_arn = events.describe_event_bus(Name=on)["Arn"]
    _, rule_arn = rule({"Arn": arn}, bus=on)
    rule({"Arn": other}, bus=on)
    archive, replay = unique("kept")[:48], unique("again")
    made = events.create_archive(
        ArchiveName=archive, EventSourceArn=bus_arn, EventPattern='{"detail": {"n": [{"numeric": [">", 1]}]}}', RetentionDays=2
    )
    assert (made["State"], made["ArchiveArn"]) == ("ENABLED", f"arn:aws:events:{REGION}:{ACCOUNT}:archive/{archive}")
    assert error_of(events.create_archive, ArchiveName=archive, EventSourceArn=bus_arn)[0] == "ResourceAlreadyExistsException"
    now = datetime.datetime.now(datetime.timezone.utc)
    ids = {n: put(events, {"n": n}, on) for n in (1, 2, 3)}
    hour = datetime.timedelta(hours=1)
    ids[4] = put(events, {"n": 4}, on, Time=now - 2 * hour)
    assert len(_take(read, 4)) == 4 and len(_take(read_other, 4)) == 4
    shown = events.describe_archive(ArchiveName=archive)
    assert (shown["EventCount"], shown["RetentionDays"], shown["EventSourceArn"]) == (3, 2, bus_arn)
    assert shown["SizeBytes"] > 300
    assert [it["ArchiveName"] for it in events.list_archives(EventSourceArn=bus_arn)["Archives"]] == [archive]
    start = {
        "EventSourceArn": made["ArchiveArn"], "EventStartTime": now - hour, "EventEndTime": now + hour,
        "Destination": {"Arn": bus_arn, "FilterArns": [rule_arn]},
    }
    assert events.start_replay(ReplayName=replay, **start)["State"] == "STARTING"
    again = [json.loads(message["Body"]) for message in _take(read, 2)]
    assert {(event["id"], event["replay-name"]) for event in again} == {(ids[2], replay), (ids[3], replay)}
    found = eventually(lambda: (it := events.describe_replay(ReplayName=replay))["State"] == "COMPLETED" and it)
    assert found["Destination"] == start["Destination"] and found["ReplayEndTime"] >= found["ReplayStartTime"]
    assert read(1) == [] and read_other(1) == []
    # Nothing is archived twice.
    assert events.describe_archive(ArchiveName=archive)["EventCount"] == 3
    code, _ = error_of(events.cancel_replay, ReplayName=replay)
    assert code == "IllegalStatusException"
    wrong = lambda **change: error_of(events.start_replay, **{**start, "ReplayName": unique("r"), **change})
    assert wrong(EventEndTime=now - 2 * hour) == (
        "ValidationException", "Parameter EventEndTime is not valid. Reason: EventStartTime must be before EventEndTime.",
    )
    assert wrong(Destination={"Arn": events.describe_event_bus()["Arn"]}) == (
        "ValidationException", "Parameter Destination.Arn is not valid. Reason: Cross event bus replay is not permitted.",
    )
    assert wrong(ReplayName=replay)[0] == "ResourceAlreadyExistsException"
    assert replay in [it["ReplayName"] for it in events.list_replays(EventSourceArn=made["ArchiveArn"])["Replays"]]
    # What is too old goes.
    events.update_archive(ArchiveName=archive, RetentionDays=1)
    put(events, {"n": 5}, on, Time=now - 48 * hour)
    events.update_archive(ArchiveName=archive, RetentionDays=1)
    eventually(lambda: events.describe_archive(ArchiveName=archive)["EventCount"] == 3)
    events.delete_archive(ArchiveName=archive)
    assert error_of(events.describe_archive, ArchiveName=archive) == (
        "ResourceNotFoundException", f"Archive {archive} does not exist.",
    )


def _take(read, count):
    found = []
    eventually(lambda: found.extend(read(1)) or len(found) >= count)
    return found


def test_schedules(events, queue, rule):
    arn, read = queue()
    _, rule_arn = rule({"Arn": arn}, pattern=None, ScheduleExpression="cron(* * * * ? *)")
    [message] = eventually(lambda: read(20), 80)
    event = json.loads(message["Body"])
    assert (event["source"], event["detail-type"], event["detail"]) == ("aws.events", "Scheduled Event", {})
    assert event["resources"] == [rule_arn] and event["time"].endswith(":00Z")


def test_objects_of_a_bucket(events, client, queue, rule, unique):
    s3, bucket = client("s3"), unique("told")
    s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION})
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={"EventBridgeConfiguration": {}})
    assert s3.get_bucket_notification_configuration(Bucket=bucket)["EventBridgeConfiguration"] == {}
    arn, read = queue()
    rule({"Arn": arn}, pattern={"source": ["aws.s3"], "detail": {"bucket": {"name": [bucket]}}})

    def told():
        [message] = eventually(lambda: read(5))
        return json.loads(message["Body"])

    etag = s3.put_object(Bucket=bucket, Key="a b.txt", Body=b"abc")["ETag"].strip('"')
    event = told()
    assert (event["detail-type"], event["resources"]) == ("Object Created", [f"arn:aws:s3:::{bucket}"])
    detail = event["detail"]
    assert detail.pop("request-id") and detail["object"].pop("sequencer")
    assert detail == {
        "version": "0", "bucket": {"name": bucket}, "object": {"key": "a b.txt", "size": 3, "etag": etag},
        "requester": ACCOUNT, "source-ip-address": "127.0.0.1", "reason": "PutObject",
    }
    s3.put_object_tagging(Bucket=bucket, Key="a b.txt", Tagging={"TagSet": [{"Key": "a", "Value": "b"}]})
    assert told()["detail-type"] == "Object Tags Added"
    s3.delete_object(Bucket=bucket, Key="a b.txt")
    event = told()
    assert (event["detail-type"], event["detail"]["reason"]) == ("Object Deleted", "DeleteObject")
    assert event["detail"]["deletion-type"] == "Permanently Deleted"
    s3.put_bucket_notification_configuration(Bucket=bucket, NotificationConfiguration={})
    s3.delete_bucket(Bucket=bucket)


def test_results_of_functions(events, client, queue, rule, bus, deploy, functions):  # noqa: F811
    on, (arn, read) = bus(), queue()
    bus_arn = events.describe_event_bus(Name=on)["Arn"]
    rule({"Arn": arn}, bus=on, pattern={"source": ["lambda"]})
    name = deploy("def handler(event, context):\n    return 1 / event['by']\n", Timeout=30)
    to = {"Destination": bus_arn}
    functions.put_function_event_invoke_config(
        FunctionName=name, MaximumRetryAttempts=0, DestinationConfig={"OnSuccess": to, "OnFailure": to}
    )
    for by, ending in ((2, "Success"), (0, "Failure")):
        functions.invoke(FunctionName=name, InvocationType="Event", Payload=json.dumps({"by": by}))
        [message] = eventually(lambda: read(5), 60)
        event = json.loads(message["Body"])
        assert event["detail-type"] == f"Lambda Function Invocation Result - {ending}"
        assert event["detail"]["requestPayload"] == {"by": by}
        assert event["resources"][0] == bus_arn and f":function:{name}" in event["resources"][1]
