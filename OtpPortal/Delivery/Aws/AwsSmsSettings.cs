using System.Text.RegularExpressions;
using OtpPortal.Configuration;
using OtpPortal.Delivery.Sms;

namespace OtpPortal.Delivery.Aws;

/// <summary>Settings of AWS End User Messaging SMS (formerly Amazon Pinpoint SMS).</summary>
/// <param name="Region">AWS_REGION, such as eu-central-1.</param>
/// <param name="AccessKey">
/// The access key of a user with the permission <c>sms-voice:SendTextMessage</c>; null uses the role of the machine or
/// container.
/// </param>
/// <param name="OriginationIdentity">AWS_SMS_ORIGINATION_IDENTITY: a number, sender id or pool; null lets AWS choose.</param>
/// <param name="ApiUrl">AWS_SMS_API_URL, or the region's default.</param>
public sealed partial record AwsSmsSettings(
    string Region, AwsAccessKey? AccessKey, string? OriginationIdentity, Uri ApiUrl, ProviderLimits Terms, NumberRules Numbers)
    : IOptionalSettings<AwsSmsSettings>
{
    public override string ToString() => "AWS End User Messaging at " + ApiUrl;

    public static AwsSmsSettings? Read(SettingsReader reader)
    {
        var terms = ProviderLimits.Read(reader, "AWS_SMS");
        var numbers = NumberRules.Read(reader, "AWS_SMS");
        var (region, id, secret) = (reader.Text("AWS_REGION"), reader.Text("AWS_ACCESS_KEY_ID"), reader.Secret("AWS_SECRET_ACCESS_KEY"));
        var identity = reader.Text("AWS_SMS_ORIGINATION_IDENTITY");
        // AWS_REGION alone does not enable the provider, because AWS sets it for everything that runs there.
        if (id is null && secret is null && identity is null) return null;
        if (region is null) reader.AddError("AWS_REGION is missing. pinpoint_sms requires it.");
        if (id is null != secret is null)
        {
            var missing = id is null ? "AWS_ACCESS_KEY_ID" : "AWS_SECRET_ACCESS_KEY";
            reader.AddError(
                $"{missing} is missing. Set both AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, "
                + "or neither to use the role of this machine or container.");
        }
        if (region is not null && !RegionName().IsMatch(region))
        {
            reader.AddError("AWS_REGION", region, "a region such as eu-central-1");
            return null;
        }
        if (id?.All(char.IsAsciiLetterOrDigit) == false)
        {
            reader.AddError("AWS_ACCESS_KEY_ID", id, "an access key ID, which has only letters and digits");
            return null;
        }
        var suffix = region?.StartsWith("cn-", StringComparison.Ordinal) == true ? "amazonaws.com.cn" : "amazonaws.com";
        var url = reader.WebAddress("AWS_SMS_API_URL", $"https://sms-voice.{region ?? "us-east-1"}.{suffix}");
        if (region is null || url is null || id is null != secret is null) return null;
        return new AwsSmsSettings(region, id is null ? null : new AwsAccessKey(id, secret!), identity, url, terms, numbers);
    }

    [GeneratedRegex(@"^[a-z]{2}(?:-[a-z]+)+-[0-9]{1,2}\z", RegexOptions.None, Timeout.Infinite)]
    private static partial Regex RegionName();
}

/// <summary>An access key of an AWS user.</summary>
/// <param name="Id">AWS_ACCESS_KEY_ID.</param>
/// <param name="Secret">AWS_SECRET_ACCESS_KEY.</param>
public sealed record AwsAccessKey(string Id, string Secret)
{
    public override string ToString() => Id;
}
