using Osmia.Btf;
using Osmia.Bytecode;
using Osmia.Verification.Walk;

namespace Osmia.Verification.Kfuncs;

/// <summary>A kernel function: its prototype by the target's BTF, its flags and callers by <see cref="KfuncTable"/>.</summary>
internal sealed class KfuncPrototype
{
    private readonly BtfType _prototype;

    private KfuncPrototype(BtfTypes types, BtfType function)
    {
        Types = types;
        Id = function.Id;
        Name = function.Name;
        Special = SpecialKfuncs.Of(Name);
        _prototype = function.Referenced;
        Parameters = new KfuncParameter[_prototype.Count];
        for (int i = 0; i < Parameters.Length; i++)
        {
            Parameters[i] = new KfuncParameter(types, _prototype.Parameter(i));
        }

        Facts = KfuncTable.Find(Name) ?? throw Stop.NotModelled($"kernel function {Name}, of which the table says nothing");
    }

    /// <summary>The target's types.</summary>
    public BtfTypes Types { get; }

    public TypeId Id { get; }

    public string Name { get; }

    public Kfunc Facts { get; }

    public SpecialKfunc Special { get; }

    public KfuncParameter[] Parameters { get; }

    /// <summary>Without qualifiers and typedefs.</summary>
    public BtfType Result => Types.Resolve(_prototype.ReferencedId);

    /// <exception cref="VerdictException">The id is none of a function, or nothing is known of it.</exception>
    public static KfuncPrototype Of(BtfTypes types, int id)
    {
        BtfType function = types[id];
        return function.Kind == BtfKind.Function && function.Referenced.Kind == BtfKind.FunctionPrototype
            ? new KfuncPrototype(types, function)
            : throw Stop.Reject(CheckFamily.Encoding, $"the target's type {id} is no function");
    }

    public bool Has(KfuncTraits trait) => Facts.Has(trait);

    /// <summary>An argument that is an iterator: the first of those that make one, else one that its name tells.</summary>
    public bool IsIterator(int index) => Facts.IsIterator ? index == 0 : Parameters[index].IsIterator;

    /// <summary>Memory whose size is in the next register.</summary>
    public bool HasSize(int index) => index + 1 < Parameters.Length && Parameters[index + 1].IsSize;
}
