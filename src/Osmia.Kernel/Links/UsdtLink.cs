using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.InteropServices;
using Osmia.Btf;
using Osmia.Kernel.Diagnostics;
using Osmia.Kernel.Maps;
using Osmia.Kernel.Programs;
using Osmia.Kernel.Symbols;
using Osmia.Kernel.Syscalls;
using Osmia.Objects.Diagnostics;
using Osmia.Runtime;

namespace Osmia.Kernel.Links;

/// <summary>
/// USDT probes: a uprobe at every place where the probe stands, and for each way its arguments lie a record in the program's map
/// <c>__bpf_usdt_specs</c>, as libbpf's <c>usdt.bpf.h</c> reads it. Where the record's members lie is taken from the map's BTF.
/// </summary>
internal static unsafe class UsdtLink
{
    private const string SpecMap = "__bpf_usdt_specs";

    public static KernelLink Attach(KernelProgram program, UsdtTarget target)
    {
        string path = BinaryPath.Resolve(target.Path, target.Pid)
            ?? throw KernelLink.Refused(program, target, "open", -Errno.ENOENT, $"there is no file '{target.Path}' here, in PATH or among the shared libraries", "give the full path of the binary or library", "OSM5031");
        List<UsdtPlace> places = Find(program, target, path);
        KernelMap map = program.Maps.FirstOrDefault(candidate => candidate.Name == SpecMap)
            ?? throw Refusal.Unsupported("OSM5030", $"program '{program.Name}' cannot read the arguments of {target.Describe()}", "USDT", $"its object has no map {SpecMap}", "include bpf/usdt.bpf.h in the program's source");
        var layout = new SpecLayout(map, program);
        var handles = new List<BpfHandle>();
        var used = new List<int>();
        try
        {
            var specs = new Dictionary<string, int>(StringComparer.Ordinal);
            foreach (UsdtPlace place in places)
            {
                if (!specs.TryGetValue(place.Arguments, out int id))
                {
                    UsdtArgument[] arguments = UsdtArgument.ParseAll(place.Arguments, RuntimeInformation.ProcessArchitecture)
                        ?? throw Refusal.Unsupported("OSM5030", $"the arguments of {target.Describe()} are not understood", "USDT arguments", $"they are written '{place.Arguments}'");
                    specs[place.Arguments] = id = program.UsdtSpecs.Take(map.Definition.MaxEntries)
                        ?? throw KernelLink.Refused(program, target, "bpf(BPF_MAP_UPDATE_ELEM)", -Errno.E2BIG, $"map {SpecMap} has only {map.Definition.MaxEntries} places", "define BPF_USDT_MAX_SPEC_CNT larger before usdt.bpf.h is included");
                    used.Add(id);
                    byte[] key = new byte[sizeof(int)];
                    BinaryPrimitives.WriteInt32LittleEndian(key, id);
                    map.Update(key, layout.Write(arguments, target.Cookie, place.Arguments, target));
                }

                handles.AddRange(Open(program, target, path, place, (ulong)id));
            }

            return new UsdtAttachment(program, target, program.UsdtSpecs, used, [.. handles]);
        }
        catch
        {
            handles.ForEach(handle => handle.Dispose());
            program.UsdtSpecs.Return(used);
            throw;
        }
    }

    private static BpfHandle[] Open(KernelProgram program, UsdtTarget target, string path, UsdtPlace place, ulong spec)
    {
        fixed (byte* name = BpfSyscall.Terminated(path))
        {
            PerfEventAttributes attributes = ProbeSource.Describe(program, target, "uprobe", isReturn: false, (ulong)name, place.Offset, place.Semaphore);
            int pid = target.Pid > 0 ? target.Pid : -1;
            return PerfLinks.Open(program, target, ref attributes, pid, cpu: pid > 0 ? -1 : 0, $"offset 0x{place.Offset:x} of {path} is not in its code", spec);
        }
    }

    private static List<UsdtPlace> Find(KernelProgram program, UsdtTarget target, string path)
    {
        IReadOnlyList<UsdtPlace> all;
        try
        {
            all = UsdtNotes.Read(path);
        }
        catch (InvalidDataException e)
        {
            throw KernelLink.Refused(program, target, "open", -Errno.EINVAL, $"{path}: {e.Message}", "give a 64-bit ELF binary or shared library", "OSM5035");
        }

        List<UsdtPlace> found = [.. all.Where(place => place.Provider == target.Provider && place.Probe == target.Probe)];
        return found.Count > 0 ? found : throw KernelLink.Refused(program, target, "open", -Errno.ENOENT,
            all.Count == 0 ? $"{path} has no USDT probes" : $"{path} has no probe {target.Provider}:{target.Probe}",
            NearestNames.Suggest($"{target.Provider}:{target.Probe}", all.Select(place => $"{place.Provider}:{place.Probe}").Distinct()), "OSM5035");
    }

    private sealed class UsdtAttachment(KernelProgram program, AttachTarget target, UsdtSpecs specs, List<int> places, BpfHandle[] handles) : KernelLink(program, target, handles)
    {
        private int _isDetached;

        protected override void Dispose(bool disposing)
        {
            base.Dispose(disposing);
            if (disposing && Interlocked.Exchange(ref _isDetached, 1) == 0)
            {
                specs.Return(places);
            }
        }
    }

    /// <summary>Where the members of <c>struct __bpf_usdt_spec</c> lie in this program; they differ between versions of the header.</summary>
    private sealed class SpecLayout
    {
        private readonly BtfTypes _types;
        private readonly BtfType _spec;
        private readonly BtfType _argument;
        private readonly int _size;
        private readonly int _arguments;
        private readonly int _maximum;

        public SpecLayout(KernelMap map, KernelProgram program)
        {
            _types = program.Definition.Types ?? throw Unknown(program);
            _spec = _types[map.Definition.ValueType];
            BtfMember arguments = MemberOf(_spec, "args") ?? throw Unknown(program);
            BtfType array = _types[arguments.Type];
            _argument = _types[array.ElementId];
            (_size, _arguments, _maximum) = (map.ValueSize, arguments.ByteOffset, (int)array.ElementCount);
            if (_spec.Kind != BtfKind.Struct || array.Kind != BtfKind.Array || _argument.Kind != BtfKind.Struct || _arguments + (long)_argument.Size * _maximum > _size)
            {
                throw Unknown(program);
            }
        }

        public byte[] Write(UsdtArgument[] arguments, ulong cookie, string text, UsdtTarget target)
        {
            if (arguments.Length > _maximum || (MemberOf(_argument, "scale_bitshift") is null && Array.Exists(arguments, argument => argument.Kind == UsdtArgumentKind.Indexed)))
            {
                throw Refusal.Unsupported("OSM5030", $"the program cannot read the arguments of {target.Describe()}", "USDT arguments",
                    $"they are '{text}'; its usdt.bpf.h knows at most {_maximum}, and {(MemberOf(_argument, "scale_bitshift") is null ? "no" : "also")} indexed ones", "compile it with a newer libbpf");
            }

            byte[] bytes = new byte[_size];
            Set(bytes, _spec, 0, "usdt_cookie", cookie);
            Set(bytes, _spec, 0, "arg_cnt", (ulong)arguments.Length);
            for (int i = 0; i < arguments.Length; i++)
            {
                int at = _arguments + i * (int)_argument.Size;
                UsdtArgument argument = arguments[i];
                Set(bytes, _argument, at, "val_off", (ulong)argument.Value);
                Set(bytes, _argument, at, "arg_type", (ulong)argument.Kind);
                Set(bytes, _argument, at, "reg_off", (ulong)argument.Register);
                Set(bytes, _argument, at, "idx_reg_off", (ulong)argument.Index);
                Set(bytes, _argument, at, "scale_bitshift", (ulong)BitOperations.Log2((uint)argument.Scale));
                Set(bytes, _argument, at, "arg_signed", argument.IsSigned ? 1ul : 0);
                Set(bytes, _argument, at, "arg_bitshift", (ulong)(64 - argument.Size * 8));
            }

            return bytes;
        }

        /// <summary>A member that this version of the struct has not is not needed by it.</summary>
        private void Set(byte[] bytes, BtfType type, int at, string name, ulong value)
        {
            if (MemberOf(type, name) is not { } member)
            {
                return;
            }

            int bits = member.BitfieldSize != 0 ? member.BitfieldSize : (int)_types.SizeOf(member.Type) * 8;
            for (int bit = 0; bit < bits; bit++)
            {
                int place = at * 8 + member.BitOffset + bit;
                if (((value >> bit) & 1) != 0)
                {
                    bytes[place / 8] |= (byte)(1 << (place % 8));
                }
            }
        }

        private static BtfMember? MemberOf(BtfType type, string name)
        {
            for (int i = 0; type.Kind == BtfKind.Struct && i < type.Count; i++)
            {
                if (type.MemberName(i) == name)
                {
                    return type.Member(i);
                }
            }

            return null;
        }

        private static UnsupportedFeatureException Unknown(KernelProgram program) => Refusal.Unsupported("OSM5030", $"program '{program.Name}' cannot be told the arguments of USDT probes", "USDT",
            $"map {SpecMap} has no type information that says how", "compile the object with -g");
    }
}
