// SPDX-License-Identifier: MIT
// Accepts connections, as many at once as come. A failure ends the program.
using System.Net;
using System.Net.Sockets;

namespace Nns.Bench;

internal static class Server
{
    public static async Task<int> RunAsync(Func<Stream, Task> serve, bool noDelay = true)
    {
        using var listener = Listen();
        for (;;)
            _ = ServeAsync(await listener.AcceptTcpClientAsync(), serve, noDelay);
    }

    public static TcpListener Listen()
    {
        var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        Link.Print(new { port = ((IPEndPoint)listener.LocalEndpoint).Port });
        return listener;
    }

    private static async Task ServeAsync(TcpClient client, Func<Stream, Task> serve, bool noDelay)
    {
        try
        {
            await using Link link = await Link.AcceptAsync(client, noDelay);
            await serve(link.Stream);
        }
        catch (Exception failure)
        {
            Console.Error.WriteLine(failure);
            Environment.Exit(1);
        }
    }
}
