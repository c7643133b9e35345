# The same commands as outside: dotnet publish, then dotnet OtpPortal.dll.
# The build runs on the builder's own architecture and compiles for that of the image.
FROM --platform=$BUILDPLATFORM mcr.microsoft.com/dotnet/sdk:10.0 AS build
ARG SOURCE_REVISION=
ARG TARGETARCH
WORKDIR /source
COPY global.json Directory.Build.props Directory.Packages.props .editorconfig ./
COPY build/ build/
COPY OtpPortal/ OtpPortal/
RUN dotnet publish OtpPortal --configuration Release --arch $TARGETARCH --output /app -p:UseAppHost=false -p:SourceRevisionId=$SOURCE_REVISION

FROM mcr.microsoft.com/dotnet/aspnet:10.0
WORKDIR /app
COPY --from=build /app ./
# A small youngest generation: the default follows the processor's cache, which on big servers costs some 40 MB for nothing.
ENV ASPNETCORE_ENVIRONMENT=Production DATA_DIR=/data DOTNET_GCgen0size=0x400000
RUN mkdir /data && chown app:app /data
VOLUME /data
USER app
EXPOSE 3000
ENTRYPOINT ["dotnet", "OtpPortal.dll"]
