using Osmia.Objects.Linking;
using Osmia.Verification.Kfuncs;
using Osmia.Verification.State;

namespace Osmia.Verification.Walk;

// Objects of the program's own types: allocated, counted, kept in lists and trees.
internal sealed partial class PathWalk
{
    private static void GiveToGraph(KfuncCall call)
    {
    }

    private static void WalkKfuncCallback(KfuncCall call)
    {
        if (call.Callback != 0)
        {
            throw Stop.NotModelled($"callbacks of kernel functions ({call.Kfunc.Name})");
        }
    }

    private static int Throw() => throw Stop.NotModelled("exceptions (bpf_throw)");

    private static RegisterState NewObject(KfuncCall call) => throw Stop.NotModelled($"objects of the program ({call.Kfunc.Name})");

    private static RegisterState NodeOf(KfuncCall call) => throw Stop.NotModelled($"lists and trees ({call.Kfunc.Name})");

    private static void MakeNonOwning(ref RegisterState node) => node.Traits |= PointerTraits.NonOwning;

    private static bool HasLock(in RegisterState value) => false;

    private static void TakeAllocated(KfuncCall call, string name, in RegisterState value) => throw Stop.NotModelled($"objects of the program ({call.Kfunc.Name})");

    private static void TakeRefcounted(KfuncCall call, string name, in RegisterState value) => throw Stop.NotModelled($"objects of the program ({call.Kfunc.Name})");

    private static void CheckGraphRoot(KfuncCall call, SpecialKind kind, string name, in RegisterState value) => throw Stop.NotModelled($"lists and trees ({call.Kfunc.Name})");

    private static void CheckGraphNode(KfuncCall call, SpecialKind kind, string name, in RegisterState value) => throw Stop.NotModelled($"lists and trees ({call.Kfunc.Name})");

    private static void CheckDeferredField(KfuncCall call, SpecialKind kind, string name, in RegisterState value) => throw Stop.NotModelled($"work queues ({call.Kfunc.Name})");

    private static void UseResilientLock(KfuncCall call, string name, in RegisterState value) => throw Stop.NotModelled($"resilient locks ({call.Kfunc.Name})");

    private static void FailResilientLock(PathState failed) => throw Stop.NotModelled("resilient locks");

    private bool MaySleep => _scope.IsSleepable || _state.IsSleepingCallback;

}
