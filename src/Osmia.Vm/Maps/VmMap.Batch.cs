using System.Diagnostics;
using Osmia.Bytecode;
using Osmia.Runtime;

namespace Osmia.Vm.Maps;

/// <summary>Taking elements away, batches, and updates under the value's lock, as bpf(2) offers them to the host.</summary>
internal abstract unsafe partial class VmMap
{
    /// <summary>BPF_F_LOCK.</summary>
    public const ulong LockFlag = 4;

    private const int SpinsBeforeSleep = 10;
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(10);

    public override bool TryTake(ReadOnlySpan<byte> key, Span<byte> value)
    {
        CheckSize(nameof(key), key.Length, KeySize);
        CheckSize(nameof(value), value.Length, ValueBufferSize);
        CheckHostRead("take");
        CheckHostWrite("take");
        Enter();
        int result;
        try
        {
            fixed (byte* k = key, v = value)
            {
                result = Take(k, v);
            }
        }
        finally
        {
            Release();
        }

        HideKept(value);
        if (result < 0 && result != -Errno.NoEntry)
        {
            Throw("take", -result, $"maps of type {Type.ToKernelName()} give no elements away");
        }

        return result == 0;
    }

    public override int ReadBatch(MapCursor cursor, Span<byte> keys, Span<byte> values, bool remove = false)
    {
        int count = BatchLength(keys.Length, values.Length);
        RequireBatch(remove ? MapOperations.LookupAndDeleteBatch : MapOperations.LookupBatch);
        CheckHostRead("read a batch");
        if (remove)
        {
            CheckHostWrite("read and delete a batch");
        }

        if (cursor.IsAtEnd)
        {
            return 0;
        }

        Enter();
        try
        {
            int read = ReadElements(cursor, keys, values, count, remove);
            cursor.IsStarted = true;
            return read;
        }
        finally
        {
            Release();
        }
    }

    public override void UpdateBatch(ReadOnlySpan<byte> keys, ReadOnlySpan<byte> values, out int done, UpdateMode mode = UpdateMode.Any)
    {
        int count = BatchLength(keys.Length, values.Length);
        RequireBatch(MapOperations.UpdateBatch);
        for (done = 0; done < count; done++)
        {
            Update(keys.Slice(done * KeySize, KeySize), values.Slice(done * ValueBufferSize, ValueBufferSize), mode);
        }
    }

    public override bool DeleteBatch(ReadOnlySpan<byte> keys, out int done)
    {
        int count = BatchLength(keys.Length, keys.Length / Math.Max(KeySize, 1) * ValueBufferSize);
        RequireBatch(MapOperations.DeleteBatch);
        for (done = 0; done < count; done++)
        {
            if (!Delete(keys.Slice(done * KeySize, KeySize)))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Copies an element out and removes it; 0 or a negative error number.</summary>
    protected virtual int Take(byte* key, byte* value) => -Errno.NotSupportedHere;

    /// <summary>Elements in the order of keys; the cursor holds the last one.</summary>
    protected virtual int ReadElements(MapCursor cursor, Span<byte> keys, Span<byte> values, int count, bool remove)
    {
        ReadOnlySpan<byte> previous = cursor.IsStarted ? cursor.Position.AsSpan(0, KeySize) : default;
        int read = 0;
        while (read < count)
        {
            Span<byte> key = keys.Slice(read * KeySize, KeySize);
            if (!TryNextKey(previous, key))
            {
                cursor.IsAtEnd = true;
                break;
            }

            previous = key;
            Span<byte> value = values.Slice(read * ValueBufferSize, ValueBufferSize);
            if (TryLookup(key, value))
            {
                read++;
            }
            else
            {
                // It went away meanwhile, or an index is empty: its key's room is used again.
                key.CopyTo(cursor.Position);
                previous = cursor.Position.AsSpan(0, KeySize);
            }
        }

        if (read > 0)
        {
            keys.Slice((read - 1) * KeySize, KeySize).CopyTo(cursor.Position);
        }

        return read;
    }

    /// <summary>Waits for a lock word of a value, for the host: runs that hold it end. False when it stays taken, as a program that wrote over it leaves it.</summary>
    private static bool TryAcquireForHost(int* word)
    {
        long start = 0;
        var spin = new SpinWait();
        while (Interlocked.CompareExchange(ref *word, 1, 0) != 0)
        {
            start = start == 0 ? Stopwatch.GetTimestamp() : start;
            if (Stopwatch.GetElapsedTime(start) > s_patience)
            {
                return false;
            }

            spin.SpinOnce(SpinsBeforeSleep);
        }

        return true;
    }

    /// <summary>An update with BPF_F_LOCK changes an element that is there in place, under its lock.</summary>
    private int PutFromHost(byte* key, byte* value, ulong flags)
    {
        if ((flags & LockFlag) == 0)
        {
            return Put(key, value, flags, AllCpus);
        }

        if (SpinLockOffset < 0 || flags > LockFlag + 2)
        {
            return -Errno.Invalid;
        }

        ulong mode = flags & ~LockFlag;
        byte* existing = Lookup(key, 0);
        if (existing == null || mode == (ulong)UpdateMode.NoExist)
        {
            return Put(key, value, mode, AllCpus);
        }

        int* word = (int*)(existing + SpinLockOffset);
        if (!TryAcquireForHost(word))
        {
            return -Errno.Busy;
        }

        CopyValue(existing, value);
        Volatile.Write(ref *word, 0);
        return 0;
    }

    private void RequireBatch(MapOperations operation)
    {
        if (MapTypeTable.Find(Type) is not { } facts || (facts.Operations & operation) == 0)
        {
            Throw("batch", Errno.NotSupportedHere, $"maps of type {Type.ToKernelName()} have no such batch operation");
        }
    }
}
