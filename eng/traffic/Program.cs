// Writes the capture the packet samples are shown with:
//     dotnet run --project eng/traffic -- samples/firewall/traffic.pcapng
// Half a minute at a host on a small network, every frame made here and the same bytes on every run. Addresses are private
// or from the documentation ranges; 203.0.113.0/24 and 2001:db8:bad::/48 are the networks the firewall sample denies.

using Osmia.Traffic;

if (args.Length != 1)
{
    Console.Error.WriteLine("usage: dotnet run --project eng/traffic -- OUT.pcapng");
    return 64;
}

using var file = File.Create(args[0]);
var count = Capture.Write(file);
Console.WriteLine($"{args[0]}: {count} frames, {file.Length} bytes");
return 0;
