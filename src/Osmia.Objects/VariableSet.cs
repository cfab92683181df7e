using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Osmia.Objects.Diagnostics;

namespace Osmia.Objects;

/// <summary>Typed writes to an object's variables before it is linked.</summary>
public readonly struct VariableSet(BpfObject owner)
{
    /// <summary>Writes a variable whose size must be that of <typeparamref name="T"/>.</summary>
    /// <exception cref="ArgumentException">No such variable, or another size.</exception>
    public void Set<T>(string name, T value)
        where T : unmanaged
    {
        BpfVariable variable = Find(name);
        if (Unsafe.SizeOf<T>() != variable.Size)
        {
            throw new ArgumentException($"variable '{name}' has {variable.Size} bytes, {typeof(T).Name} has {Unsafe.SizeOf<T>()}", nameof(value));
        }

        MemoryMarshal.Write(variable.InitialValue, in value);
    }

    public T Get<T>(string name)
        where T : unmanaged => MemoryMarshal.Read<T>(Find(name).InitialValue);

    private BpfVariable Find(string name) =>
        owner.FindVariable(name) ?? throw new ArgumentException($"object '{owner.Name}' has no variable '{name}'", nameof(name));
}
