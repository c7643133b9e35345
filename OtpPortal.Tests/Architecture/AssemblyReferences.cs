using System.Reflection;
using System.Reflection.Emit;

namespace OtpPortal.Tests.Architecture;

/// <summary>Lists the references between the types of an assembly, from signatures and IL.</summary>
internal static class AssemblyReferences
{
    private const BindingFlags Everything =
        BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Instance | BindingFlags.Static | BindingFlags.DeclaredOnly;

    private static readonly Dictionary<short, OpCode> s_opCodes = typeof(OpCodes).GetFields(BindingFlags.Public | BindingFlags.Static)
        .Select(field => (OpCode)field.GetValue(null)!)
        .ToDictionary(code => code.Value);

    // The framework generates one class that calls the handlers of all endpoints.
    public static IEnumerable<(Type From, Type To)> Of(Assembly assembly) =>
        from type in assembly.GetTypes()
        where Outermost(type).Namespace != "Microsoft.AspNetCore.Http.Generated"
        from used in UsedBy(type).SelectMany(Parts)
        where used.Assembly == assembly && Outermost(used) != Outermost(type)
        select (Outermost(type), Outermost(used));

    private static IEnumerable<Type> UsedBy(Type type)
    {
        IEnumerable<Type?> types =
        [
            type.BaseType,
            .. type.GetInterfaces(),
            .. type.GetFields(Everything).Select(field => field.FieldType),
            .. type.GetCustomAttributesData().SelectMany(Types),
            .. type.GetProperties(Everything).SelectMany(property => property.GetCustomAttributesData()).SelectMany(Types),
            .. type.GetMethods(Everything).Cast<MethodBase>().Concat(type.GetConstructors(Everything)).SelectMany(UsedBy),
        ];
        return types.OfType<Type>();
    }

    private static IEnumerable<Type?> UsedBy(MethodBase method) =>
    [
        (method as MethodInfo)?.ReturnType,
        .. method.GetParameters().Select(parameter => parameter.ParameterType),
        .. method.GetCustomAttributesData().SelectMany(Types),
        .. method.GetMethodBody()?.LocalVariables.Select(local => local.LocalType) ?? [],
        .. method.GetMethodBody() is { } body ? Operands(method, body.GetILAsByteArray()!) : [],
    ];

    private static IEnumerable<Type?> Types(CustomAttributeData attribute) =>
        [attribute.AttributeType, .. attribute.ConstructorArguments.Select(argument => argument.Value as Type)];

    private static IEnumerable<Type?> Operands(MethodBase method, byte[] il)
    {
        for (var at = 0; at < il.Length;)
        {
            var code = il[at] == 0xFE ? s_opCodes[(short)(0xFE00 | il[at + 1])] : s_opCodes[il[at]];
            at += code.Size;
            switch (code.OperandType)
            {
                case OperandType.InlineField or OperandType.InlineMethod or OperandType.InlineTok or OperandType.InlineType:
                    foreach (var type in Resolve(method, BitConverter.ToInt32(il, at))) yield return type;
                    break;
                default:
                    break;
            }
            at += code.OperandType switch
            {
                OperandType.InlineNone => 0,
                OperandType.ShortInlineBrTarget or OperandType.ShortInlineI or OperandType.ShortInlineVar => 1,
                OperandType.InlineVar => 2,
                OperandType.InlineI8 or OperandType.InlineR => 8,
                OperandType.InlineSwitch => 4 + (4 * BitConverter.ToInt32(il, at)),
                _ => 4,
            };
        }
    }

    private static IEnumerable<Type?> Resolve(MethodBase method, int token)
    {
        var typeArguments = method.DeclaringType!.IsGenericType ? method.DeclaringType.GetGenericArguments() : null;
        var member = method.Module.ResolveMember(token, typeArguments, method.IsGenericMethod ? method.GetGenericArguments() : null);
        return member switch
        {
            Type type => [type],
            MethodBase called => [called.DeclaringType, .. called.IsGenericMethod ? called.GetGenericArguments() : []],
            FieldInfo field => [field.DeclaringType, field.FieldType],
            _ => [],
        };
    }

    private static IEnumerable<Type> Parts(Type type) => type switch
    {
        { HasElementType: true } => Parts(type.GetElementType()!),
        { IsGenericParameter: true } => [],
        { IsGenericType: true } => [type.GetGenericTypeDefinition(), .. type.GetGenericArguments().SelectMany(Parts)],
        _ => [type],
    };

    private static Type Outermost(Type type) => type.DeclaringType is { } outer ? Outermost(outer) : type;
}
