using System.Text;
using OtpPortal.Tests.Infrastructure;

namespace OtpPortal.Tests.Delivery;

/// <summary>Checks the Signature Version 4 implementation of the tests against the AWS test suite.</summary>
public sealed class AwsSignatureTests
{
    private static readonly DateTimeOffset s_then = new(2015, 8, 30, 12, 36, 0, TimeSpan.Zero);

    [Theory]
    [InlineData("GET", "", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31")]
    [InlineData("POST", "", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b")]
    [InlineData("GET", "Param1=value1&Param2=value2", "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500")]
    public void Computes_the_signatures_of_the_AWS_test_suite(string method, string query, string signature)
    {
        var headers = new Dictionary<string, string>
        {
            ["host"] = "example.amazonaws.com",
            ["x-amz-date"] = AwsSignature.Timestamp(s_then),
        };

        Sign(method, query, headers, "").ShouldBe(
            $"AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=host;x-amz-date, "
                + $"Signature={signature}");
    }

    [Fact]
    public void Signs_the_body_and_its_content_type()
    {
        var headers = new Dictionary<string, string>
        {
            ["x-amz-date"] = AwsSignature.Timestamp(s_then),
            ["host"] = "example.amazonaws.com",
            ["content-type"] = "application/x-www-form-urlencoded",
        };

        Sign("POST", "", headers, "Param1=value1").ShouldEndWith(
            "SignedHeaders=content-type;host;x-amz-date, Signature=ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a");
    }

    private static string Sign(string method, string query, Dictionary<string, string> headers, string body) => AwsSignature.Authorize(
        method, "/", query, headers, Encoding.UTF8.GetBytes(body), s_then, "us-east-1", "service", "AKIDEXAMPLE",
        "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY");
}
