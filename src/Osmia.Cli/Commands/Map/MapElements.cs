using System.Runtime.Versioning;
using Osmia.Cli.Run;
using Osmia.Cli.Words;
using Osmia.Kernel.Inventory;
using Osmia.Kernel.Maps;
using Osmia.Runtime;

namespace Osmia.Cli.Commands.Maps;

/// <summary>One element at a time: <c>osmia map lookup | update | delete | getnext | peek | push | pop | enqueue | dequeue</c>.</summary>
[SupportedOSPlatform("linux")]
internal static class MapElements
{
    public static void Lookup(VerbCall call)
    {
        using KernelMap map = Open(call, out MapInfo info, out ElementWords element);
        TakeKey(call);
        byte[] key = element.Key(call.Words);
        call.Words.End();
        byte[] value = new byte[map.ValueBufferSize];
        bool found = map.TryLookup(key, value);
        if (!found && !call.IsJson)
        {
            throw RunErrors.NoElement(info.Name, new ElementText(map, info).Key(key));
        }

        Answer(call, map, info, key, found ? value : null);
    }

    public static void Update(VerbCall call)
    {
        using KernelMap map = Open(call, out _, out ElementWords element);
        byte[] key = [];
        byte[] value = [];
        bool hasKey = map.KeySize == 0;
        IDisposable? held = null;
        UpdateMode mode = UpdateMode.Any;
        while (!call.Words.IsAtEnd)
        {
            switch (call.Words.Next("the key"))
            {
                case "key":
                    (key, hasKey) = (element.Key(call.Words), true);
                    break;
                case "value":
                    value = element.Value(call.Words, out held);
                    break;
                case "any":
                    break;
                case "exist":
                    mode = UpdateMode.Exist;
                    break;
                case "noexist":
                    mode = UpdateMode.NoExist;
                    break;
                case var other:
                    throw new UsageException($"{call.Words.Verb}: '{other}' is none of key, value, any, exist, noexist");
            }
        }

        using (held)
        {
            if (!hasKey || (value.Length == 0 && map.ValueSize > 0))
            {
                throw new UsageException($"{call.Words.Verb}: the {(hasKey ? "value" : "key")} is missing");
            }

            map.Update(key, value, mode);
        }

        call.Done($"updated map {map.Name}");
    }

    public static void Delete(VerbCall call)
    {
        using KernelMap map = Open(call, out MapInfo info, out ElementWords element);
        TakeKey(call);
        byte[] key = element.Key(call.Words);
        call.Words.End();
        if (!map.Delete(key))
        {
            throw RunErrors.NoElement(info.Name, new ElementText(map, info).Key(key));
        }

        call.Done($"deleted from map {map.Name}");
    }

    public static void GetNext(VerbCall call)
    {
        using KernelMap map = Open(call, out MapInfo info, out ElementWords element);
        byte[]? key = null;
        if (!call.Words.IsAtEnd)
        {
            TakeKey(call);
            key = element.Key(call.Words);
            call.Words.End();
        }

        byte[] next = new byte[map.KeySize];
        if (!map.TryNextKey(key ?? [], next))
        {
            throw RunErrors.NoElement(info.Name, key is null ? "(any: it is empty)" : $"behind {new ElementText(map, info).Key(key)}");
        }

        call.Answer(
            json =>
            {
                json.WriteStartObject();
                json.WritePropertyName("key");
                if (key is null)
                {
                    json.WriteNullValue();
                }
                else
                {
                    JsonOutput.WriteBytes(json, key);
                }

                json.WritePropertyName("next_key");
                JsonOutput.WriteBytes(json, next);
                json.WriteEndObject();
            },
            output =>
            {
                var text = new ElementText(map, info);
                output.WriteLine($"key: {(key is null ? "none" : text.Key(key))}");
                output.WriteLine($"next: {text.Key(next)}");
            });
    }

    /// <summary>The element of a queue or stack that is next, which stays.</summary>
    public static void Peek(VerbCall call) => TakeOut(call, static (map, value) => map.TryLookup([], value));

    /// <summary>Takes the next element out.</summary>
    public static void Pop(VerbCall call) => TakeOut(call, static (map, value) => map.TryTake([], value));

    public static void Push(VerbCall call)
    {
        using KernelMap map = OpenKeyless(call, out _, out ElementWords element);
        call.Words.Expect("value");
        byte[] value = element.Value(call.Words, out IDisposable? held);
        call.Words.End();
        using (held)
        {
            map.Update([], value);
        }

        call.Done($"added to map {map.Name}");
    }

    private static KernelMap OpenKeyless(VerbCall call, out MapInfo info, out ElementWords element)
    {
        KernelMap map = Open(call, out info, out element);
        if (map.KeySize == 0)
        {
            return map;
        }

        map.Dispose();
        throw new UsageException($"{call.Words.Verb}: map {map.Name} has keys; queues and stacks have none");
    }

    private static void TakeOut(VerbCall call, Func<KernelMap, byte[], bool> take)
    {
        using KernelMap map = OpenKeyless(call, out MapInfo info, out _);
        call.Words.End();
        byte[] value = new byte[map.ValueBufferSize];
        bool found = take(map, value);
        call.Answer(
            json =>
            {
                if (found)
                {
                    new ElementJson(map, info).Write(json, [], value);
                }
                else
                {
                    json.WriteNullValue();
                }
            },
            output => output.WriteLine(found ? new ElementText(map, info).Value(value) : $"map {map.Name} is empty"));
    }

    private static KernelMap Open(VerbCall call, out MapInfo info, out ElementWords element)
    {
        KernelMap map = MapWords.Open(call.Words);
        info = KernelInventory.Describe(map);
        element = new ElementWords(map, info);
        return map;
    }

    private static void TakeKey(VerbCall call) => call.Words.Expect("key");

    private static void Answer(VerbCall call, KernelMap map, MapInfo info, byte[] key, byte[]? value) => call.Answer(
        json =>
        {
            if (value is null)
            {
                json.WriteNullValue();
            }
            else
            {
                new ElementJson(map, info).Write(json, key, value);
            }
        },
        output =>
        {
            var text = new ElementText(map, info);
            output.WriteLine($"key: {text.Key(key)}");
            output.WriteLine(map.IsPerCpu ? $"value:\n{text.Value(value)}" : $"value: {text.Value(value)}");
        });
}
