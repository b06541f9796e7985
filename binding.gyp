{
  "targets": [
    {
      "target_name": "addon",
      "type": "none",
      "actions": [
        {
          "action_name": "cmake",
          "inputs": ["CMakeLists.txt"],
          "outputs": ["build/always-run-cmake"],
          "action": ["node", "scripts/build-native.mjs"]
        }
      ]
    }
  ]
}
