"""CloudWatch's metrics, in all three protocols that its clients speak."""

import datetime
import gzip
import json
import urllib.error
import urllib.parse
import urllib.request
import xml.etree.ElementTree as Xml

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from conftest import ACCOUNT, REGION, error_of

XML = "{http://monitoring.amazonaws.com/doc/2010-08-01/}"
MINUTE = datetime.timedelta(minutes=1)


@pytest.fixture(params=["json", "smithy-rpc-v2-cbor", "query"])
def cloudwatch(client, monkeypatch, request):
    """A client made to speak one of the protocols; boto3 chooses JSON by itself."""
    with monkeypatch.context() as patch:
        patch.setattr("botocore.model.PRIORITY_ORDERED_SUPPORTED_PROTOCOLS", (request.param,))
        made = client("cloudwatch")
    assert made.meta.service_model.resolved_protocol == request.param
    return made


@pytest.fixture
def now():
    """The current minute's beginning."""
    return datetime.datetime.now(datetime.timezone.utc).replace(second=0, microsecond=0)


@pytest.fixture
def ask(endpoint):
    """Sends a signed request; its status, headers and body."""

    def ask(body, path="/", **headers):
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        request = AWSRequest("POST", endpoint + path, data=body, headers=headers)
        SigV4Auth(Credentials("test", "test"), "monitoring", REGION).add_auth(request)
        prepared = request.prepare()
        sent = urllib.request.Request(prepared.url, prepared.body, dict(prepared.headers))
        try:
            with urllib.request.urlopen(sent) as answer:
                return answer.status, answer.headers, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.headers, error.read()

    return ask


def statistics(cloudwatch, namespace, name, start, end, period=60, **more):
    found = cloudwatch.get_metric_statistics(
        Namespace=namespace, MetricName=name, StartTime=start, EndTime=end, Period=period, **more
    )
    assert found["Label"] == name
    return sorted(found["Datapoints"], key=lambda point: point["Timestamp"])


def test_all_forms_of_samples(cloudwatch, now, unique):
    space = unique("Desk")
    dimensions = [{"Name": "Queue", "Value": "front"}, {"Name": "App", "Value": "desk"}]
    common = {"MetricName": "Wait", "Unit": "Seconds", "Dimensions": dimensions}
    sums = {"SampleCount": 4, "Sum": 20, "Minimum": 2, "Maximum": 8}
    cloudwatch.put_metric_data(Namespace=space, MetricData=[
        {**common, "Timestamp": now - 3 * MINUTE, "Value": 4.5},
        {**common, "Timestamp": now - 3 * MINUTE, "Values": [1, 2, 10], "Counts": [2, 1, 1]},
        {**common, "Timestamp": now - 2 * MINUTE, "StatisticValues": sums},
    ])
    found = statistics(
        cloudwatch, space, "Wait", now - 5 * MINUTE, now, Dimensions=dimensions[::-1],
        Statistics=["SampleCount", "Sum", "Minimum", "Maximum", "Average"],
    )
    assert found == [
        {
            "Timestamp": now - 3 * MINUTE, "SampleCount": 5.0, "Sum": 18.5, "Minimum": 1.0,
            "Maximum": 10.0, "Average": 3.7, "Unit": "Seconds",
        },
        {
            "Timestamp": now - 2 * MINUTE, "SampleCount": 4.0, "Sum": 20.0, "Minimum": 2.0,
            "Maximum": 8.0, "Average": 5.0, "Unit": "Seconds",
        },
    ]
    # Percentiles need the values.
    found = statistics(
        cloudwatch, space, "Wait", now - 5 * MINUTE, now, Dimensions=dimensions,
        ExtendedStatistics=["p50", "tm80", "PR(:2)"],
    )
    assert [point["ExtendedStatistics"] for point in found] == [
        {"p50": 2.0, "tm80": 2.125, "PR(:2)": 60.0}
    ]
    # Other dimensions, other metric.
    assert statistics(cloudwatch, space, "Wait", now - 5 * MINUTE, now, Statistics=["Sum"]) == []


def test_metrics_are_listed(cloudwatch, now, unique):
    space = unique("Desk")
    data = [
        {"MetricName": "Calls", "Value": 1, "Dimensions": [{"Name": "Line", "Value": str(line)}]}
        for line in range(600)
    ]
    cloudwatch.put_metric_data(Namespace=space, MetricData=data + [{"MetricName": "Up", "Value": 1}])
    first = cloudwatch.list_metrics(Namespace=space)
    assert len(first["Metrics"]) == 500
    pages = cloudwatch.get_paginator("list_metrics").paginate(Namespace=space)
    found = [metric for page in pages for metric in page["Metrics"]]
    assert len(found) == 601
    assert {"Namespace": space, "MetricName": "Up", "Dimensions": []} in found
    line = [{"Name": "Line", "Value": "7"}]
    for filters in ({"Dimensions": line}, {"Dimensions": line, "RecentlyActive": "PT3H"}):
        found = cloudwatch.list_metrics(Namespace=space, **filters)["Metrics"]
        assert found == [{"Namespace": space, "MetricName": "Calls", "Dimensions": line}]
    found = cloudwatch.list_metrics(
        Namespace=space, MetricName="Up", IncludeLinkedAccounts=True, OwningAccount=ACCOUNT
    )
    assert found["OwningAccounts"] == [ACCOUNT]
    assert error_of(cloudwatch.list_metrics, NextToken="bm8") == (
        "InvalidParameterValue", "The specified nextToken is invalid."
    )


def test_data_of_several_metrics_and_expressions(cloudwatch, now, unique):
    space = unique("Desk")
    cloudwatch.put_metric_data(Namespace=space, MetricData=[
        {"MetricName": name, "Value": value, "Timestamp": now - ago * MINUTE}
        for name, values in (("Calls", (10, 20, 40)), ("Lost", (1, 2, None)))
        for ago, value in zip((3, 2, 1), values) if value is not None
    ])

    def metric(id, name, stat="Sum", **more):
        metric = {"Namespace": space, "MetricName": name}
        return {"Id": id, "MetricStat": {"Metric": metric, "Period": 60, "Stat": stat}, **more}

    span = {"StartTime": now - 5 * MINUTE, "EndTime": now}
    queries = [
        metric("calls", "Calls"), metric("lost", "Lost", Label="given up", ReturnData=False),
        {"Id": "rate", "Expression": "100 * FILL(lost, 0) / calls", "Label": "rate"},
        {"Id": "most", "Expression": "MAX(METRICS())"},
    ]
    found = cloudwatch.get_metric_data(
        MetricDataQueries=queries, ScanBy="TimestampAscending", **span
    )
    times = [now - ago * MINUTE for ago in (3, 2, 1)]
    shown = [
        (r["Id"], r["Label"], r["Timestamps"], r["Values"], r["StatusCode"])
        for r in found["MetricDataResults"]
    ]
    assert shown == [
        ("calls", "Calls", times, [10.0, 20.0, 40.0], "Complete"),
        ("rate", "rate", times, [10.0, 10.0, 0.0], "Complete"),
        ("most", "most", times, [10.0, 20.0, 40.0], "Complete"),
    ]
    # The newest come first, and pages end at so many points.
    found = cloudwatch.get_metric_data(MetricDataQueries=queries[:1], MaxDatapoints=2, **span)
    [result] = found["MetricDataResults"]
    assert (result["Values"], result["StatusCode"]) == ([40.0, 20.0], "PartialData")
    found = cloudwatch.get_metric_data(
        MetricDataQueries=queries[:1], MaxDatapoints=2, NextToken=found["NextToken"], **span
    )
    [result] = found["MetricDataResults"]
    assert (result["Values"], result["StatusCode"]) == ([10.0], "Complete")
    assert "NextToken" not in found
    for query, code in (
        ({"Id": "e", "Expression": "nothing + 1"}, "ValidationError"),
        ({"Id": "e", "Expression": "calls +"}, "ValidationError"),
        ({"Id": "E", "Expression": "calls"}, "ValidationError"),
        ({"Id": "e", "Expression": "SEARCH('{AWS/EC2} x', 'Sum', 60)"}, "NotImplementedException"),
        (metric("m", "Calls", "median"), "ValidationError"),
        (metric("m", "Calls", Period=60), "ValidationError"),
        (metric("m", "Calls", AccountId="111122223333"), "NotImplementedException"),
        (metric("m", "Calls", Label="${MAX}"), "NotImplementedException"),
    ):
        asked = {"MetricDataQueries": [query], **span}
        assert error_of(cloudwatch.get_metric_data, **asked)[0] == code, query


def test_seconds_are_kept_at_high_resolution(cloudwatch, now, unique):
    space = unique("Desk")
    start = now - 2 * MINUTE
    cloudwatch.put_metric_data(Namespace=space, MetricData=[
        {
            "MetricName": name, "Value": second, "StorageResolution": resolution,
            "Timestamp": start + datetime.timedelta(seconds=second),
        }
        for second in range(20) for name, resolution in (("Fine", 1), ("Coarse", 60))
    ])
    more = {"period": 10, "Statistics": ["SampleCount"]}
    fine = statistics(cloudwatch, space, "Fine", start, now, **more)
    assert [point["SampleCount"] for point in fine] == [10.0, 10.0]
    coarse = statistics(cloudwatch, space, "Coarse", start, now, **more)
    assert [point["SampleCount"] for point in coarse] == [20.0]


@pytest.mark.parametrize("data, code, message", [
    ([], "MissingParameter", "The parameter MetricData is required."),
    (
        [{"Value": float("nan")}], "InvalidParameterValue",
        "The value NaN for parameter MetricData.member.1.Value is invalid.",
    ),
    (
        [{"Value": 1}, {"Values": [float("-inf")]}], "InvalidParameterValue",
        "The value -Infinity for parameter MetricData.member.2.Values.member.1 is invalid.",
    ),
    (
        [{"Value": 1, "Values": [1]}], "InvalidParameterCombination",
        "The parameters MetricData.member.1.Value and MetricData.member.1.Values are mutually "
        "exclusive and you have specified both.",
    ),
    (
        [{"Values": [1, 2], "Counts": [1]}], "InvalidParameterValue",
        "The parameters MetricData.member.1.Values and MetricData.member.1.Counts must be of the "
        "same size.",
    ),
    (
        [{"Value": 1, "MetricName": "통화"}], "InvalidParameterValue",
        "The value for parameter MetricData.member.1.MetricName contains non-ASCII characters.",
    ),
    (
        [{"Value": 1, "Timestamp": 0}, {"Value": 1, "Timestamp": 1}], "InvalidParameterValue",
        "The parameter MetricData.member.1.Timestamp must specify a time within the past two "
        "weeks.\nThe parameter MetricData.member.2.Timestamp must specify a time within the past "
        "two weeks.",
    ),
])
def test_samples_that_are_refused(cloudwatch, unique, data, code, message):
    data = [{"MetricName": "Calls", **datum} for datum in data]
    asked = {"Namespace": unique("Desk"), "MetricData": data}
    assert error_of(cloudwatch.put_metric_data, **asked) == (code, message)
    assert cloudwatch.list_metrics(Namespace=asked["Namespace"])["Metrics"] == []


def test_namespaces_of_aws_are_its_own(cloudwatch):
    asked = {"Namespace": "AWS/Lambda", "MetricData": [{"MetricName": "Errors", "Value": 1}]}
    assert error_of(cloudwatch.put_metric_data, **asked) == (
        "InvalidParameterValue", "The value AWS/ for parameter Namespace is invalid."
    )


def test_statistics_that_are_refused(cloudwatch, now):
    asked = {
        "Namespace": "Desk", "MetricName": "Calls", "StartTime": now - 1441 * MINUTE,
        "EndTime": now, "Period": 60, "Statistics": ["Sum"],
    }
    assert error_of(cloudwatch.get_metric_statistics, **asked) == (
        "InvalidParameterCombination",
        "You have requested up to 1,441 datapoints, which exceeds the limit of 1,440. You may "
        "reduce the datapoints requested by increasing Period, or decreasing the time range.",
    )
    assert error_of(cloudwatch.get_metric_statistics, **{**asked, "StartTime": now}) == (
        "InvalidParameterValue", "The parameter StartTime must not equal parameter EndTime."
    )
    assert error_of(cloudwatch.get_metric_statistics, **{**asked, "Period": 61})[0] == (
        "InvalidParameterValue"
    )


def test_large_requests_come_compressed(cloudwatch, now, unique):
    """SDKs compress PutMetricData beyond 10 KiB."""
    seen = []
    cloudwatch.meta.events.register(
        "before-send.cloudwatch.PutMetricData",
        lambda request, **_: seen.append(request.headers.get("Content-Encoding")),
    )
    space = unique("Desk")
    data = [{"MetricName": f"Calls{n}", "Value": n, "Timestamp": now} for n in range(900)]
    cloudwatch.put_metric_data(Namespace=space, MetricData=data)
    assert [str(encoding).strip("b'") for encoding in seen] == ["gzip"]
    pages = cloudwatch.get_paginator("list_metrics").paginate(Namespace=space)
    assert sum(len(page["Metrics"]) for page in pages) == 900


def test_query_is_spoken(ask, now, unique):
    space = unique("Desk")
    form = {
        "Action": "PutMetricData", "Version": "2010-08-01", "Namespace": space,
        "MetricData.member.1.MetricName": "Calls", "MetricData.member.1.Value": "3",
        "MetricData.member.1.Timestamp": now.isoformat(),
        "MetricData.member.1.Dimensions.member.1.Name": "Queue",
        "MetricData.member.1.Dimensions.member.1.Value": "front",
    }
    kind = {"Content_Type": "application/x-www-form-urlencoded; charset=utf-8"}
    body = gzip.compress(urllib.parse.urlencode(form).encode())
    status, headers, answer = ask(body, Content_Encoding="gzip", **kind)
    assert status == 200 and headers["content-type"] == "text/xml", answer
    assert Xml.fromstring(answer).tag == XML + "PutMetricDataResponse"
    form = {"Action": "ListMetrics", "Version": "2010-08-01", "Namespace": space}
    status, _, answer = ask(urllib.parse.urlencode(form).encode(), **kind)
    found = Xml.fromstring(answer)
    assert status == 200 and found.tag == XML + "ListMetricsResponse"
    path = "/".join(XML + name for name in ("ListMetricsResult", "Metrics", "member"))
    [metric] = found.findall(path)
    assert metric.find(XML + "MetricName").text == "Calls"
    assert metric.find(f"{XML}Dimensions/{XML}member/{XML}Value").text == "front"
    form["MetricName"], form["Action"] = "Calls", "GetMetricStatistics"
    form |= {"StartTime": now.isoformat(), "EndTime": now.isoformat(), "Period": "60"}
    status, headers, answer = ask(urllib.parse.urlencode(form).encode(), **kind)
    found = Xml.fromstring(answer)
    assert status == 400 and found.tag == XML + "ErrorResponse"
    error = {element.tag.removeprefix(XML): element.text for element in found.find(XML + "Error")}
    assert error == {
        "Type": "Sender", "Code": "InvalidParameterValue",
        "Message": "The parameter StartTime must not equal parameter EndTime.",
    }


def test_json_is_spoken(ask, now, unique):
    space = unique("Desk")

    def asked(operation, **input):
        status, headers, answer = ask(
            json.dumps(input).encode(), Content_Type="application/x-amz-json-1.0",
            X_Amz_Target=f"GraniteServiceVersion20100801.{operation}",
        )
        assert headers["content-type"] == "application/x-amz-json-1.0"
        return status, headers, json.loads(answer or b"{}")

    at = now.timestamp()
    data = [{"MetricName": "Calls", "Value": 3, "Timestamp": at}]
    assert asked("PutMetricData", Namespace=space, MetricData=data)[0] == 200
    status, _, found = asked(
        "GetMetricStatistics", Namespace=space, MetricName="Calls", StartTime=at - 60,
        EndTime=at + 60, Period=60, Statistics=["Sum"],
    )
    point = {"Timestamp": at, "Sum": 3.0, "Unit": "None"}
    assert (status, found) == (200, {"Label": "Calls", "Datapoints": [point]})
    data[0]["Timestamp"] = 0
    status, headers, found = asked("PutMetricData", Namespace=space, MetricData=data)
    assert status == 400
    assert found["__type"].endswith("#InvalidParameterValueException")
    assert headers["x-amzn-query-error"] == "InvalidParameterValue;Sender"


def test_answers_are_in_the_protocol_of_the_request(cloudwatch):
    seen = []
    cloudwatch.meta.events.register(
        "response-received.cloudwatch.PutMetricData",
        lambda response_dict, **_: seen.append(response_dict["headers"]),
    )
    error_of(cloudwatch.put_metric_data, Namespace="AWS/Desk", MetricData=[
        {"MetricName": "Calls", "Value": 1}
    ])
    protocol = cloudwatch.meta.service_model.resolved_protocol
    kinds = {
        "json": "application/x-amz-json-1.0", "smithy-rpc-v2-cbor": "application/cbor",
        "query": "text/xml",
    }
    assert seen[0]["content-type"] == kinds[protocol]
    error = None if protocol == "query" else "InvalidParameterValue;Sender"
    assert seen[0].get("x-amzn-query-error") == error


def test_what_is_not_served_says_so(cloudwatch):
    assert error_of(cloudwatch.list_dashboards)[0] == "NotImplementedException"
