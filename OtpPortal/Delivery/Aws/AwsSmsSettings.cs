using System.Text.RegularExpressions;
using OtpPortal.Delivery.Sms;
using OtpPortal.Configuration;

namespace OtpPortal.Delivery.Aws;

/// <summary>AWS End User Messaging SMS, which Amazon Pinpoint's SMS became.</summary>
/// <param name="Region">AWS_REGION, such as eu-central-1.</param>
/// <param name="AccessKeyId">AWS_ACCESS_KEY_ID, of a user that may do <c>sms-voice:SendTextMessage</c>.</param>
/// <param name="SecretAccessKey">AWS_SECRET_ACCESS_KEY.</param>
/// <param name="OriginationIdentity">AWS_SMS_ORIGINATION_IDENTITY: a number, sender id or pool; null lets AWS choose.</param>
/// <param name="ApiUrl">AWS_SMS_API_URL, or the region's own.</param>
public sealed partial record AwsSmsSettings(
    string Region, string AccessKeyId, string SecretAccessKey, string? OriginationIdentity, Uri ApiUrl, ProviderTerms Terms, NumberTerms Numbers)
    : IOptionalSettings<AwsSmsSettings>
{
    public override string ToString() => "AWS End User Messaging at " + ApiUrl;

    public static AwsSmsSettings? Read(SettingsReader reader)
    {
        var terms = ProviderTerms.Read(reader, "AWS_SMS");
        var numbers = NumberTerms.Read(reader, "AWS_SMS");
        var (region, id, secret) = (reader.Text("AWS_REGION"), reader.Text("AWS_ACCESS_KEY_ID"), reader.Secret("AWS_SECRET_ACCESS_KEY"));
        var identity = reader.Text("AWS_SMS_ORIGINATION_IDENTITY");
        // A region alone is no wish to send: AWS' own machines set it for everything that runs there.
        if (id is null && secret is null && identity is null) return null;
        foreach (var (name, value) in new[] { ("AWS_REGION", region), ("AWS_ACCESS_KEY_ID", id), ("AWS_SECRET_ACCESS_KEY", secret) })
        {
            if (value is null) reader.AddError($"{name} is missing: pinpoint_sms needs AWS_REGION, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.");
        }
        if (region is not null && !RegionName().IsMatch(region))
        {
            reader.AddError("AWS_REGION", region, "a region such as eu-central-1");
            return null;
        }
        if (id?.All(char.IsAsciiLetterOrDigit) == false)
        {
            reader.AddError("AWS_ACCESS_KEY_ID", id, "the id of an access key, which has letters and digits alone");
            return null;
        }
        var suffix = region?.StartsWith("cn-", StringComparison.Ordinal) == true ? "amazonaws.com.cn" : "amazonaws.com";
        var url = reader.WebAddress("AWS_SMS_API_URL", $"https://sms-voice.{region ?? "us-east-1"}.{suffix}");
        return region is null || id is null || secret is null || url is null ? null : new AwsSmsSettings(region, id, secret, identity, url, terms, numbers);
    }

    [GeneratedRegex(@"^[a-z]{2}(?:-[a-z]+)+-[0-9]{1,2}\z", RegexOptions.None, 1000)]
    private static partial Regex RegionName();
}
