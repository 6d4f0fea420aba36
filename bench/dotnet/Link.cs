// SPDX-License-Identifier: MIT
// A connection with its NegotiateStream, of either role, and the lines for the driver.
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Principal;
using System.Text.Json;

namespace Nns.Bench;

internal sealed class Link : IAsyncDisposable
{
    private const string Target = "host/localhost";

    private readonly TcpClient _client;

    public NegotiateStream Stream { get; }

    private Link(TcpClient client, bool noDelay = true)
    {
        _client = client;
        _client.NoDelay = noDelay;
        Stream = new NegotiateStream(client.GetStream());
    }

    public static async Task<Link> ConnectAsync(int port)
    {
        var client = new TcpClient();
        await client.ConnectAsync(IPAddress.Loopback, port);
        var link = new Link(client);
        await link.Stream.AuthenticateAsClientAsync(
            CredentialCache.DefaultNetworkCredentials, Target, ProtectionLevel.EncryptAndSign,
            TokenImpersonationLevel.Identification);
        return link;
    }

    public static async Task<Link> AcceptAsync(TcpClient client, bool noDelay = true)
    {
        var link = new Link(client, noDelay);
        await link.Stream.AuthenticateAsServerAsync(
            CredentialCache.DefaultNetworkCredentials, ProtectionLevel.EncryptAndSign,
            TokenImpersonationLevel.Identification);
        return link;
    }

    public void HalfClose() => _client.Client.Shutdown(SocketShutdown.Send);

    public async ValueTask DisposeAsync()
    {
        await Stream.DisposeAsync();
        _client.Dispose();
    }

    public static void Print(object fields)
    {
        Console.Out.WriteLine(JsonSerializer.Serialize(fields));
        Console.Out.Flush();
    }
}
