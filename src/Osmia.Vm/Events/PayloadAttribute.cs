namespace Osmia.Vm.Events;

/// <summary>The value of an event that a field of a context takes, where it has another name than the field: <c>http.response.status_code</c>.</summary>
[AttributeUsage(AttributeTargets.Field | AttributeTargets.Property)]
public sealed class PayloadAttribute(string name) : Attribute
{
    public string Name { get; } = name;
}
