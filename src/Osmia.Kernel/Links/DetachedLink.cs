using Osmia.Kernel.Programs;
using Osmia.Runtime;

namespace Osmia.Kernel.Links;

/// <summary>An attachment that no descriptor holds: it ends by a call of its own, or with what it is attached to.</summary>
internal sealed class DetachedLink(KernelProgram program, AttachTarget target, Action detach) : KernelLink(program, target)
{
    private int _isDetached;

    protected override void Dispose(bool disposing)
    {
        if (disposing && Interlocked.Exchange(ref _isDetached, 1) == 0)
        {
            detach();
        }

        base.Dispose(disposing);
    }
}
