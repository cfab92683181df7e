using Microsoft.Win32.SafeHandles;

namespace Osmia.Cli;

/// <summary>Standard output for records that may come for hours.</summary>
internal static class StandardOutput
{
    private const int Descriptor = 1;

    /// <summary>
    /// A stream that says when nobody reads any more: the console's own swallows that, and <c>osmia run | head</c> would go
    /// on until its duration ends. Files stay with the console's stream, which appends where other writers have been.
    /// </summary>
    public static Stream Open()
    {
        if (!OperatingSystem.IsWindows() && Console.IsOutputRedirected)
        {
            var pipe = new FileStream(new SafeFileHandle(Descriptor, ownsHandle: false), FileAccess.Write, bufferSize: 0);
            if (!pipe.CanSeek)
            {
                return pipe;
            }
        }

        return Console.OpenStandardOutput();
    }
}
