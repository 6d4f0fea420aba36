// SPDX-License-Identifier: MIT
// `peer handshake-server` and `peer handshake-client`: nothing but handshakes, as many as there is time for.
using System.Diagnostics;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Principal;

namespace Nns.Interop;

internal static class Handshakes
{
    /// <summary>Serves as many clients at a time, until it is ended.</summary>
    public static async Task<int> ServeAsync(int clients)
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        Events.Print(new { @event = "listening", port = ((IPEndPoint)listener.LocalEndpoint).Port });
        await Task.WhenAll(Enumerable.Range(0, clients).Select(_ => Task.Run(() => ServeOneByOneAsync(listener))));
        return 0;
    }

    private static async Task ServeOneByOneAsync(TcpListener listener)
    {
        var end = new byte[1];
        while (true)
        {
            using TcpClient client = await listener.AcceptTcpClientAsync();
            client.NoDelay = true;
            await using var stream = new NegotiateStream(client.GetStream());
            await stream.AuthenticateAsServerAsync(
                CredentialCache.DefaultNetworkCredentials, ProtectionLevel.EncryptAndSign,
                TokenImpersonationLevel.Identification);
            while (await client.GetStream().ReadAsync(end) > 0)
                continue;
        }
    }

    /// <summary>A turn of so many seconds for each line that comes; prints the rate.</summary>
    public static async Task<int> ConnectAsync(int port, string target, double seconds, int clients)
    {
        while (await Console.In.ReadLineAsync() is not null)
        {
            var clock = Stopwatch.StartNew();
            int[] counts = await Task.WhenAll(Enumerable.Range(0, clients).Select(_ =>
                Task.Run(() => ConnectOneByOneAsync(port, target, clock, seconds))));
            Events.Print(new { name = "handshakes dotnet", clients, per_second = counts.Sum() / clock.Elapsed.TotalSeconds });
        }
        return 0;
    }

    private static async Task<int> ConnectOneByOneAsync(int port, string target, Stopwatch clock, double seconds)
    {
        int count = 0;
        for (; clock.Elapsed.TotalSeconds < seconds; count++)
        {
            using var client = new TcpClient { NoDelay = true };
            await client.ConnectAsync(IPAddress.Loopback, port);
            await using var stream = new NegotiateStream(client.GetStream());
            await stream.AuthenticateAsClientAsync(
                CredentialCache.DefaultNetworkCredentials, target, ProtectionLevel.EncryptAndSign,
                TokenImpersonationLevel.Identification);
        }
        return count;
    }
}
