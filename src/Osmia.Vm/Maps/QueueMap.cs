using Osmia.Bytecode;
using Osmia.Objects.Linking;

namespace Osmia.Vm.Maps;

/// <summary>Queues (first in, first out) and stacks (last in, first out): values without keys.</summary>
internal sealed unsafe class QueueMap : VmMap
{
    private const ulong ReplaceOldest = 2;

    private readonly bool _isStack;
    private readonly ulong _stride;
    private SpinGate _gate;
    private uint _first;
    private uint _count;

    public QueueMap(VmEngine engine, LinkedMap definition, uint objectId)
        : base(engine, definition, objectId)
    {
        _isStack = definition.Type == MapType.Stack;
        _stride = (definition.ValueSize + 7UL) & ~7UL;
        Allocate(_stride * definition.MaxEntries);
    }

    public override bool HasPush => true;

    public override byte* Lookup(byte* key, int cpu) => null;

    /// <summary>The public face pushes with an empty key.</summary>
    public override int Put(byte* key, byte* value, ulong flags, int cpu) => Push(value, flags);

    public override int Remove(byte* key) => -Errno.Invalid;

    public override int Push(byte* value, ulong flags)
    {
        if (flags is not (0 or ReplaceOldest))
        {
            return -Errno.Invalid;
        }

        _gate.Enter();
        int result = 0;
        uint capacity = Definition.MaxEntries;
        if (_count == capacity && flags == 0)
        {
            result = -Errno.TooBig;
        }
        else
        {
            if (_count == capacity)
            {
                _first = (_first + 1) % capacity;
                _count--;
            }

            CopyValue(At(_count), value);
            _count++;
        }

        _gate.Exit();
        return result;
    }

    public override int Pop(byte* value) => Get(value, isPeek: false);

    public override int Peek(byte* value) => Get(value, isPeek: true);

    protected override int Take(byte* key, byte* value) => Get(value, isPeek: false);

    protected override bool Copy(byte* key, Span<byte> value)
    {
        fixed (byte* target = value)
        {
            return Peek(target) == 0;
        }
    }

    protected override bool Next(byte* key, Span<byte> next)
    {
        Throw("next key", Errno.Invalid, $"a {Type.ToKernelName()} has no keys");
        return false;
    }

    private byte* At(uint position) => Memory + (_stride * ((_first + (ulong)position) % Definition.MaxEntries));

    private int Get(byte* value, bool isPeek)
    {
        _gate.Enter();
        bool isEmpty = _count == 0;
        if (isEmpty)
        {
            new Span<byte>(value, ValueSize).Clear();
        }
        else
        {
            CopyValue(value, At(_isStack ? _count - 1 : 0));
            if (!isPeek)
            {
                _count--;
                _first = _isStack ? _first : (_first + 1) % Definition.MaxEntries;
            }
        }

        _gate.Exit();
        return isEmpty ? -Errno.NoEntry : 0;
    }
}
