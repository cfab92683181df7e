using Osmia.Vm.Kfuncs;

namespace Osmia.Vm.Execution;

/// <summary>Objects a run holds: it made them or took them out of a list, tree or map, and must put them somewhere or drop them.</summary>
internal sealed unsafe partial class ExecutionSlot
{
    private const int MaxHeldObjects = 4096;

    private ulong[] _objects = [];
    private int _objectCount;

    /// <summary>False when a run holds so many that it cannot be meant.</summary>
    public bool TryHoldObject(ObjectHeader* header)
    {
        if (_objectCount == MaxHeldObjects)
        {
            return false;
        }

        if (_objectCount == _objects.Length)
        {
            Array.Resize(ref _objects, Math.Max(16, _objects.Length * 2));
        }

        _objects[_objectCount++] = (ulong)header;
        return true;
    }

    /// <summary>The run gives its hold on an object to something else; false when it has none.</summary>
    public bool TryGiveObject(ObjectHeader* header)
    {
        for (int i = _objectCount - 1; i >= 0; i--)
        {
            if (_objects[i] == (ulong)header)
            {
                _objects[i] = _objects[--_objectCount];
                return true;
            }
        }

        return false;
    }

    private void DropObjects()
    {
        while (_objectCount > 0)
        {
            Engine.Objects.LetGo((ObjectHeader*)_objects[--_objectCount]);
        }
    }
}
