using System.Reflection;
using Microsoft.AspNetCore.Http.Metadata;
using Microsoft.AspNetCore.Mvc.Abstractions;
using Microsoft.AspNetCore.Mvc.ApiExplorer;
using Microsoft.AspNetCore.Mvc.ModelBinding;
using OtpPortal.Http;

namespace OtpPortal.ApiDocs;

/// <summary>Adds the portal's own metadata to the framework's endpoint descriptions.</summary>
internal sealed class ApiDescriptions(EndpointDataSource endpoints, IEnumerable<ApiErrorWriter> errors) : IApiDescriptionProvider
{
    private static readonly EmptyModelMetadataProvider s_models = new();

    // After the framework's provider (-1100).
    public int Order => 0;

    public void OnProvidersExecuting(ApiDescriptionProviderContext context)
    {
        foreach (var endpoint in endpoints.Endpoints.OfType<RouteEndpoint>())
        {
            if (endpoint.Metadata.GetMetadata<IEndpointGroupNameMetadata>() is not { } group || IsDescribed(endpoint)) continue;
            context.Results.Add(new ApiDescription
            {
                HttpMethod = HttpMethods.Get,
                RelativePath = endpoint.RoutePattern.RawText!.TrimStart('/'),
                GroupName = group.EndpointGroupName,
                ActionDescriptor = new ActionDescriptor { DisplayName = endpoint.DisplayName, EndpointMetadata = [.. endpoint.Metadata] },
            });
        }
        foreach (var description in context.Results) Complete(description);
    }

    public void OnProvidersExecuted(ApiDescriptionProviderContext context)
    {
    }

    private void Complete(ApiDescription description)
    {
        var metadata = description.ActionDescriptor.EndpointMetadata;
        description.SupportedResponseTypes.Clear();
        var answers = metadata.OfType<IProducesResponseTypeMetadata>().GroupBy(answer => answer.StatusCode).OrderBy(group => group.Key);
        foreach (var answer in answers.Select(group => group.Last()))
        {
            var type = answer.Type ?? (answer.StatusCode >= 400 ? ErrorOf(description) : null);
            description.SupportedResponseTypes.Add(new ApiResponseType
            {
                StatusCode = answer.StatusCode,
                Description = answer.Description,
                Type = type,
                ModelMetadata = type is null ? null : s_models.GetMetadataForType(type),
                ApiResponseFormats = type is null ? [] : [new() { MediaType = answer.ContentTypes.FirstOrDefault("application/json") }],
            });
        }
        // The endpoint reads it as a list in order to reject repeated parameters.
        foreach (var list in description.ParameterDescriptions.Where(each => each.Type == typeof(string[])))
        {
            (list.Type, list.ModelMetadata) = (typeof(string), s_models.GetMetadataForType(typeof(string)));
        }
        foreach (var parameter in metadata.OfType<ApiPathParameter>().Where(each => IsOpen(description, each.Name)))
        {
            Add(description, parameter.Name, typeof(string), BindingSource.Path);
        }
        if (metadata.OfType<ApiBody>().LastOrDefault() is not { } body) return;
        Add(description, "body", body.Type, BindingSource.Body);
        foreach (var type in body.ContentTypes) description.SupportedRequestFormats.Add(new ApiRequestFormat { MediaType = type });
    }

    // The framework omits endpoints that are request delegates or accept any method.
    private static bool IsDescribed(RouteEndpoint endpoint) =>
        endpoint.Metadata.GetMetadata<MethodInfo>() is not null && endpoint.Metadata.GetMetadata<IHttpMethodMetadata>() is not null;

    private Type ErrorOf(ApiDescription description)
    {
        var path = new PathString("/" + description.RelativePath);
        var api = description.ActionDescriptor.EndpointMetadata.OfType<ApiErrorWriter>().FirstOrDefault()
            ?? errors.FirstOrDefault(each => path.StartsWithSegments(each.Root, StringComparison.OrdinalIgnoreCase));
        return api?.Body ?? typeof(Problem.ProblemBody);
    }

    private static bool IsOpen(ApiDescription description, string parameter) =>
        description.RelativePath!.Contains($"{{{parameter}}}", StringComparison.Ordinal)
        && description.ParameterDescriptions.All(each => each.Name != parameter);

    private static void Add(ApiDescription description, string name, Type type, BindingSource source)
    {
        var model = s_models.GetMetadataForType(type);
        description.ParameterDescriptions.Add(
            new() { Name = name, Type = type, Source = source, IsRequired = true, ModelMetadata = model });
    }
}
