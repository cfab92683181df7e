using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Osmia.Bytecode;
using Osmia.Vm;
using Osmia.Vm.Hooks;

namespace Osmia.Tests.Vm.Hooks;

/// <summary>Which structs are contexts, which delegates are helpers, and how C sees them.</summary>
public unsafe class HookTypeTests
{
    [Fact]
    public void The_layout_is_the_structs_own()
    {
        ContextLayout layout = new HookType<Mixed>("mixed").Context;
        Assert.Equal("Mixed 64: Byte 0+1 NarrowLoads, Kind 2+2 NarrowLoads writable, Number 4+4 NarrowLoads, Wide 8+8 NarrowLoads writable, Name 16+16 Any, Fixed 32+5 Any, Inner 40+16 Any writable, Real 56+8 Any",
            $"{layout.Name} {layout.Size}: " + string.Join(", ", layout.Fields.Select(field => $"{field.Name} {field.Offset}+{field.Size} {field.Width}{(field.Writers == ContextUsers.None ? "" : " writable")}")));
        var value = new Mixed { Byte = 1, Kind = DayOfWeekShort.Two, Number = 3, Wide = 4, Real = 5 };
        value.Name[2] = 6;
        value.Fixed[1] = 7;
        value.Inner.Second = 8;
        ReadOnlySpan<byte> bytes = MemoryMarshal.AsBytes(new ReadOnlySpan<Mixed>(in value));
        Assert.Equal((1, 2, 3, 4, 6, 7, 8), (bytes[0], bytes[2], bytes[4], bytes[8], bytes[18], bytes[33], bytes[48]));
    }

    [Fact]
    public void The_header_has_the_layout_and_the_helpers()
    {
        string header = HookHeader.Write(new HookType<Mixed>("mixed")
            .Helper("now", () => 1L)
            .Helper("say", (ReadOnlySpan<byte> text) => { })
            .ContextHelper("get", (ref Mixed context, byte which, Span<byte> into) => which));
        Assert.Equal("""
            /* Programs of hook 'mixed' stand in SEC("mixed") or SEC("mixed/NAME"). */
            #pragma once

            struct Mixed {
            	unsigned char Byte;
            	unsigned short Kind; /* writable */
            	unsigned int Number;
            	unsigned long long Wide; /* writable */
            	unsigned char Name[16];
            	unsigned char Fixed[5];
            	unsigned char padding_37[3];
            	unsigned char Inner[16]; /* writable */
            	unsigned char Real[8];
            };

            _Static_assert(sizeof(struct Mixed) == 64, "the layout of the application");

            static long long (*const now)(void) = (void *) 65536;

            static void (*const say)(const void *bytes, unsigned long long size) = (void *) 65537;

            static unsigned char (*const get)(struct Mixed *context, unsigned char, void *bytes, unsigned long long size) = (void *) 65538;

            """.ReplaceLineEndings("\n"), header);
    }

    [Fact]
    public void What_cannot_be_a_context_is_refused_by_name()
    {
        foreach ((Func<object> make, string what) in new (Func<object>, string)[]
            {
                (() => new HookType<WithBool>("x"), "not blittable"),
                (() => new HookType<WithPointer>("x"), "field Pointer of context WithPointer is of type Byte*"),
                (() => new HookType<WithNative>("x"), "field Handle of context WithNative is of type IntPtr"),
                (() => new HookType<Automatic>("x"), "not blittable in the order of its fields"),
                (() => new HookType<Large>("x"), "has 5000 bytes"),
                (() => new HookType<Union>("x"), "does not fit behind the one before"),
                (() => new HookType<Mixed>("xdp"), "means nothing to the kernel's loaders"),
                (() => new HookType<Mixed>("a b"), "a word of letters"),
                (() => new VmEngine(new VmOptions { HookTypes = [new HookType<Mixed>("same"), new HookType<Mixed>("same")] }), "two hook types have section 'same'"),
            })
        {
            Assert.Contains(what, Assert.ThrowsAny<ArgumentException>(make).Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void What_cannot_be_a_helper_is_refused_by_name()
    {
        foreach ((Func<object> make, string what) in new (Func<object>, string)[]
            {
                (() => Type().Helper("f", (string text) => 1), "cannot take String"),
                (() => Type().Helper("f", (double number) => 1), "cannot take Double"),
                (() => Type().Helper("f", () => "text"), "cannot return String"),
                (() => Type().Helper("f", (Span<byte> a, Span<byte> b, Span<byte> c) => 1), "these need 6"),
                (() => Type().Helper("f", () => 1).Helper("f", () => 2), "has a helper 'f' already"),
            })
        {
            Assert.Contains(what, Assert.ThrowsAny<ArgumentException>(make).Message, StringComparison.Ordinal);
        }

        static HookType<Mixed> Type() => new("mixed");
    }

    internal enum DayOfWeekShort : short
    {
        Two = 2,
    }

    [InlineArray(16)]
    internal struct Text
    {
        private byte _first;
    }

    internal struct Pair
    {
        public long First { get; set; }
        public long Second { get; set; }
    }

    [StructLayout(LayoutKind.Sequential)]
    internal struct Mixed
    {
        public byte Byte;
        [Writable]
        public DayOfWeekShort Kind;
        public int Number;
        [Writable]
        public ulong Wide;
        public Text Name;
        public fixed byte Fixed[5];
        [Writable]
        public Pair Inner;
        public double Real;
    }

    internal struct WithBool
    {
        public bool IsSet { get; set; }
    }

    internal struct WithPointer
    {
        public byte* Pointer { get; set; }
    }

    internal struct WithNative
    {
        public nint Handle { get; set; }
    }

    [StructLayout(LayoutKind.Auto)]
    internal struct Automatic
    {
        public byte First { get; set; }
        public ulong Second { get; set; }
    }

    internal struct Large
    {
        public fixed byte Bytes[5000];
    }

    [StructLayout(LayoutKind.Explicit)]
    internal struct Union
    {
        [FieldOffset(0)]
        public uint All;
        [FieldOffset(0)]
        public ushort Low;
    }
}
