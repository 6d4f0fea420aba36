// SPDX-License-Identifier: MIT
// Standard input to a connection, and a connection to standard output, as nns connect and
// nns listen do it. What passed is told on standard error.
using System.Net;
using System.Net.Sockets;
using System.Text.Json;

namespace Nns.Bench;

internal static class Pipe
{
    private const int BufferSize = 65536;

    public static async Task<int> SourceAsync(int port)
    {
        await using Link link = await Link.ConnectAsync(port);
        using Stream input = Console.OpenStandardInput();
        long bytes = await CopyAsync(input, link.Stream);
        link.HalfClose();
        while (await link.Stream.ReadAsync(new byte[1]) > 0)
            continue;
        Tell(new { bytes });
        return 0;
    }

    public static async Task<int> SinkAsync()
    {
        using TcpListener listener = ListenOnError();
        await using Link link = await Link.AcceptAsync(await listener.AcceptTcpClientAsync());
        using Stream output = Console.OpenStandardOutput();
        Tell(new { bytes = await CopyAsync(link.Stream, output) });
        return 0;
    }

    private static TcpListener ListenOnError()
    {
        var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        Tell(new { port = ((IPEndPoint)listener.LocalEndpoint).Port });
        return listener;
    }

    private static async Task<long> CopyAsync(Stream from, Stream to)
    {
        var buffer = new byte[BufferSize];
        long bytes = 0;
        for (int n; (n = await from.ReadAsync(buffer)) > 0; bytes += n)
            await to.WriteAsync(buffer.AsMemory(0, n));
        return bytes;
    }

    private static void Tell(object fields) => Console.Error.WriteLine(JsonSerializer.Serialize(fields));
}
