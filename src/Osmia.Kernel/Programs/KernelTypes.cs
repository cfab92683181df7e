using Osmia.Btf;
using Osmia.Kernel.Syscalls;
using Osmia.Objects.Diagnostics;

namespace Osmia.Kernel.Programs;

/// <summary>BPF_BTF_LOAD: an object's own types in the kernel, for typed maps, function names and source lines.</summary>
internal static unsafe class KernelTypes
{
    private const uint TokenFlag = 1 << 16;

    /// <summary>Null with a reason when the kernel refuses the types; programs load without them.</summary>
    public static BpfHandle? TryLoad(BtfTypes types, out Diagnostic? refusal, int token = 0)
    {
        refusal = null;
        if (types.Base is not null)
        {
            refusal = Refused("the blob continues another one (split BTF)", null);
            return null;
        }

        fixed (byte* data = types.Data.Span)
        {
            var attributes = new BtfLoadAttributes { Data = (ulong)data, Size = (uint)types.Data.Length, TokenFd = token, Flags = token == 0 ? 0 : TokenFlag };
            int result = BpfSyscall.Call(BpfCommand.BtfLoad, ref attributes);
            if (result >= 0)
            {
                return new BpfHandle(result);
            }

            byte[] log = new byte[64 * 1024];
            fixed (byte* buffer = log)
            {
                attributes.LogBuffer = (ulong)buffer;
                attributes.LogSize = (uint)log.Length;
                attributes.LogLevel = 1;
                int again = BpfSyscall.Call(BpfCommand.BtfLoad, ref attributes);
                if (again >= 0)
                {
                    return new BpfHandle(again);
                }
            }

            refusal = Refused(Errno.Describe(-result), VerifierLog.FromBuffer(log).Message);
            return null;
        }
    }

    private static Diagnostic Refused(string reason, string? log) =>
        new("OSM5016", "the kernel does not take the object's types (BTF)")
        {
            Why = string.IsNullOrEmpty(log) ? reason : $"{reason}; the kernel's last line: {log}",
            Try = "nothing needs to be done: programs run without them, only source lines in the verifier log and typed map dumps are missing",
        };
}
