//! The vectors that a server cannot meet, each with the reason.

/// Reason, and what it excuses.
pub const LISTED: &[(&str, &[&str])] = &[
    (
        "The client compresses the body; the vector neither has the compressed body nor, of its own, the header that the compression adds (the gateway undoes the encoding before a reader sees it)",
        &[
            "input/ec2 SDKAppendsGzipAndIgnoresHttpProvidedEncoding_ec2Query",
            "input/ec2 SDKAppliedContentEncoding_ec2Query",
            "input/json SDKAppendsGzipAndIgnoresHttpProvidedEncoding_awsJson1_1",
            "input/json SDKAppliedContentEncoding_awsJson1_1",
            "input/json_1_0 SDKAppendsGzipAndIgnoresHttpProvidedEncoding_awsJson1_0",
            "input/json_1_0 SDKAppliedContentEncoding_awsJson1_0",
            "input/query SDKAppendsGzipAndIgnoresHttpProvidedEncoding_awsQuery",
            "input/query SDKAppliedContentEncoding_awsQuery",
            "input/rest-json SDKAppendedGzipAfterProvidedEncoding_restJson1",
            "input/rest-json SDKAppliedContentEncoding_restJson1",
            "input/rest-xml SDKAppendedGzipAfterProvidedEncoding_restXml",
            "input/rest-xml SDKAppliedContentEncoding_restXml",
        ],
    ),
    (
        "The client fills the token in; a server reads the token that came",
        &[
            "input/ec2 Ec2ProtocolIdempotencyTokenAutoFill",
            "input/query QueryProtocolIdempotencyTokenAutoFill",
            "input/rest-json RestJsonQueryIdempotencyTokenAutoFill",
            "input/rest-xml QueryIdempotencyTokenAutoFill",
        ],
    ),
    (
        "What is empty leaves no trace on the wire, and is read as absent",
        &[
            "input/ec2 Ec2EmptyQueryLists",
            "input/query QueryEmptyQueryMaps",
            "input/rest-json RestJsonHttpPrefixHeadersAreNotPresent",
            "input/rest-json RestJsonOmitsEmptyListQueryValues",
            "input/rest-xml HttpPrefixHeadersAreNotPresent",
        ],
    ),
    (
        "The client sends {} for an absent payload; a server reads an empty structure",
        &[
            "input/rest-json RestJsonHttpWithEmptyStructurePayload",
            "input/rest-json RestJsonHttpWithHeadersButNoPayload",
        ],
    ),
    (
        "The client's endpoint has a path of its own, which is not the service's",
        &["input/rest-json RestJsonHostWithPath"],
    ),
    (
        "A server puts every query parameter into such a map, the client's params have only its own entries",
        &[
            "input/rest-json RestJsonQueryParamsStringListMap",
            "input/rest-json RestJsonQueryPrecedence",
            "input/rest-xml AllQueryStringTypes",
            "input/rest-xml RestXmlQueryParamsStringListMap",
            "input/rest-xml RestXmlQueryPrecedence",
            "input/rest-xml RestXmlQueryStringEscaping",
            "input/rest-xml RestXmlSupportsInfinityFloatQueryValues",
            "input/rest-xml RestXmlSupportsNaNFloatQueryValues",
            "input/rest-xml RestXmlSupportsNegativeInfinityFloatQueryValues",
            "input/rest-xml RestXmlZeroAndFalseQueryValues",
        ],
    ),
    (
        "The response has members that its model does not have, which clients skip",
        &[
            "output/ec2 Ec2ComplexError",
            "output/json handles_unexpected_json_output",
            "output/json_1_0 AwsJson10HandlesUnexpectedJsonOutput",
            "output/json AwsJson11DeserializeIgnoreType",
            "output/json_1_0 AwsJson10DeserializeIgnoreType",
            "output/rest-json RestJsonDeserializeIgnoreType",
            "output/rest-xml ComplexError",
            "output/rest-xml InvalidGreetingError",
            "output/rest-xml SimpleScalarPropertiesWithXMLPreamble",
            "output/smithy-rpc-v2-cbor RpcV2CborExtraFieldsInTheBodyShouldBeSkippedByClients",
        ],
    ),
    ("The response has a header of requests", &["output/json AwsJson11IntEnums"]),
    (
        "Clients must understand an offset; a server writes UTC",
        &[
            "output/ec2 Ec2QueryDateTimeWithNegativeOffset",
            "output/ec2 Ec2QueryDateTimeWithPositiveOffset",
            "output/json AwsJson11DateTimeWithNegativeOffset",
            "output/json AwsJson11DateTimeWithPositiveOffset",
            "output/query AwsQueryDateTimeWithNegativeOffset",
            "output/query AwsQueryDateTimeWithPositiveOffset",
            "output/rest-json RestJsonDateTimeWithNegativeOffset",
            "output/rest-json RestJsonDateTimeWithPositiveOffset",
            "output/rest-xml RestXmlDateTimeWithNegativeOffset",
            "output/rest-xml RestXmlDateTimeWithPositiveOffset",
        ],
    ),
    (
        "The namespace of the nested shape is missing from the response, while restXml's vector has it",
        &["output/ec2 Ec2XmlNamespaces", "output/query QueryXmlNamespaces"],
    ),
    (
        "An empty body has no content type here, as at S3 and in rpcv2Cbor's specification",
        &[
            "output/rest-xml IgnoreQueryParamsInResponse",
            "output/rest-xml RestXmlHttpResponseCode",
            "output/smithy-rpc-v2-cbor NoOutputClientAllowsEmptyBody",
            "output/smithy-rpc-v2-cbor NoOutputClientAllowsEmptyCbor",
        ],
    ),
    (
        "An output without members is an empty map, not an empty body",
        &["output/smithy-rpc-v2-cbor RpcV2CborPayloadWithUnsetUnion"],
    ),
];
